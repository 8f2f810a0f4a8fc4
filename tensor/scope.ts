/** Something that owns device memory. */
export interface Owned {
  /** Returns the memory; calling it twice is harmless. */
  dispose(): void;
}

/** Options of a {@linkcode Scope}. */
export interface ScopeOptions {
  /**
   * Whether operations inside record how to differentiate them; default as in
   * the enclosing scope, and true in the outermost.
   */
  readonly records?: boolean;
  /**
   * Whether it is open at once; default true. One that is not opens for each
   * call of `run` alone, so that it lasts while its owner waits.
   */
  readonly open?: boolean;
}

let innermost: Scope | undefined;

/**
 * Frees, at the end of a block, every tensor created inside it.
 *
 * Scopes nest strictly, in code that does not wait but for reads of tensors:
 * what other code makes in the meantime belongs to them, too. Work that waits
 * for anything else opens its scope for each `run` alone.
 *
 * @example A block
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { DisposedError, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * let x: Tensor;
 * {
 *   using _step = new Scope();
 *   x = Tensor.from(device, [2], [1, 2]);
 * }
 * assertThrows(() => x.storage, DisposedError);
 * ```
 *
 * @example Work that waits
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { add, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using scope = new Scope({ open: false });
 * const x = scope.run(() => Tensor.from(device, [1], [1]));
 * await Promise.resolve("anything");
 * assertEquals([...await scope.run(() => add(x, 1).data())], [2]);
 * ```
 */
export class Scope implements Disposable {
  /** Whether operations inside record how to differentiate them. */
  readonly records: boolean;
  /** The scope that was innermost when this one was opened. */
  #outer: Scope | undefined;
  readonly #owned = new Set<Owned>();
  /** Whether its block has begun and not ended; not of one that runs. */
  #open: boolean;
  #closed = false;

  /** Opens the scope; new tensors belong to the innermost open one. */
  constructor(
    { open = true, records }: ScopeOptions = {},
  ) {
    // What encloses one that runs is not known yet.
    this.records = records ?? (open ? innermost?.records : undefined) ?? true;
    this.#open = open;
    if (!open) return;
    this.#outer = innermost;
    innermost = this;
  }

  /** Registers `value` with the innermost scope, if one is open. */
  static own(value: Owned): void {
    if (innermost) innermost.#owned.add(value);
  }

  /** Takes `value` from the innermost scope: its new owner must free it. */
  static disown<T extends Owned>(value: T): T {
    if (innermost) innermost.#owned.delete(value);
    return value;
  }

  /** The innermost open scope. */
  static get current(): Scope | undefined {
    return innermost;
  }

  /**
   * Calls `work`, which must not wait before it returns, with this scope as the
   * innermost one. Throws an `Error` when it is closed, or when `work` leaves a
   * scope open.
   */
  run<T>(work: () => T): T {
    if (this.#closed) throw new Error("Cannot run in a scope: it is closed");
    const [outside, outer] = [innermost, this.#outer];
    innermost = this;
    this.#outer = outside;
    try {
      const result = work();
      if (innermost !== this) {
        throw new Error(`Cannot leave a scope: ${STILL_OPEN}`);
      }
      return result;
    } finally {
      innermost = outside;
      this.#outer = outer;
    }
  }

  /**
   * Takes over `value` from the innermost scope. Throws an `Error` when this
   * scope is closed.
   */
  adopt<T extends Owned>(value: T): T {
    if (this.#closed) {
      throw new Error("Cannot adopt a value: the scope is closed");
    }
    if (innermost) innermost.#owned.delete(value);
    this.#owned.add(value);
    return value;
  }

  /** Whether closing this scope frees `value`. */
  owns(value: Owned): boolean {
    return this.#owned.has(value);
  }

  /** Moves `value` to the enclosing scope, so that it outlives this one. */
  keep<T extends Owned>(value: T): T {
    if (this.#owned.delete(value) && this.#outer) {
      this.#outer.#owned.add(value);
    }
    return value;
  }

  /**
   * Frees what is still owned. Throws an `Error` when it is closed already, and
   * when an inner scope is still open; that one stays so.
   */
  [Symbol.dispose](): void {
    if (this.#closed) throw new Error("Cannot close a scope: it is closed");
    this.#closed = true;
    const inOrder = !this.#open || innermost === this;
    if (this.#open) this.#leave();
    const faults: unknown[] = [];
    for (const value of this.#owned) {
      try {
        value.dispose();
      } catch (fault) {
        faults.push(fault); // the others are freed all the same
      }
    }
    this.#owned.clear();
    if (faults.length > 0) throw faults[0];
    if (!inOrder) throw new Error(`Cannot close a scope: ${STILL_OPEN}`);
  }

  /** Takes this scope out of those that are open. */
  #leave(): void {
    if (innermost === this) {
      innermost = this.#outer;
      return;
    }
    let inner = innermost;
    while (inner && inner.#outer !== this) inner = inner.#outer;
    if (inner) inner.#outer = this.#outer;
  }
}

const STILL_OPEN =
  "an inner scope is still open; while code waits, others open and close theirs, so what waits uses new Scope({ open: false }) and its run()";
