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
}

let innermost: Scope | undefined;

/**
 * Frees, at the end of a block, every tensor created inside it.
 *
 * Scopes nest strictly. Inside a scope, `await` nothing but reads of tensors.
 *
 * @example Usage
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
 */
export class Scope implements Disposable {
  /** Whether operations inside record how to differentiate them. */
  readonly records: boolean;
  readonly #outer: Scope | undefined = innermost;
  readonly #owned = new Set<Owned>();

  /** Opens the scope; new tensors belong to the innermost open one. */
  constructor({ records = innermost?.records ?? true }: ScopeOptions = {}) {
    this.records = records;
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

  /** Takes over `value` from the innermost scope. */
  adopt<T extends Owned>(value: T): T {
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

  /** Frees what is still owned. Throws when an inner scope is still open. */
  [Symbol.dispose](): void {
    if (innermost !== this) {
      throw new Error("Cannot close a scope: an inner scope is still open");
    }
    innermost = this.#outer;
    for (const value of this.#owned) value.dispose();
    this.#owned.clear();
  }
}
