import { Scope } from "../tensor/mod.ts";
import type { Turns } from "./turns.ts";

/** Options of one call that reads ids. */
export interface PieceOptions {
  /** Most ids that may be read at once. */
  readonly most: number;
  /** Lets others have theirs between pieces. */
  readonly turns: Turns | undefined;
}

/** Memory of a session: what lasts, and what each piece of its ids needs. */
export class SessionMemory implements Disposable {
  readonly #lasting = new Scope({ open: false, records: false });
  #calls: Promise<unknown> = Promise.resolve();

  /**
   * Calls `make`; what it makes lasts as long as the session, of which there is
   * none when it throws.
   */
  keep<T>(make: () => T): T {
    try {
      return this.#lasting.run(make);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Calls `read` for pieces of `ids`, each with a scope of its own; gives its
   * last result. Calls wait for those before them.
   */
  read(
    ids: Uint32Array,
    { most, turns }: PieceOptions,
    read: (piece: Uint32Array, scope: Scope) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const call = this.#calls.then(async () => {
      if (ids.length === 0) {
        throw new RangeError(
          "Cannot read ids: expected at least one, got none",
        );
      }
      let last = new Float32Array();
      for (let at = 0; at < ids.length; at += most) {
        await turns?.next();
        using scope = new Scope({ open: false, records: false });
        const piece = ids.subarray(at, at + most);
        last = await read(piece, scope) as Float32Array<ArrayBuffer>;
      }
      return last;
    });
    this.#calls = call.catch(() => {}); // whoever made it hears of it
    return call;
  }

  /** Frees what lasts. */
  [Symbol.dispose](): void {
    this.#lasting[Symbol.dispose]();
  }
}
