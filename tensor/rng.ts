import { checkNumber, threefry2x32 } from "../kernels/mod.ts";

/** State of an `Rng`: plain numbers, kept exactly by JSON. */
export interface RngState {
  /** Two 32-bit words that name the stream. */
  readonly key: readonly [number, number];
  /** Random blocks taken from the stream so far. */
  readonly counter: number;
}

/**
 * Seeded source of random numbers: block n of a stream is Threefry-2x32 of the
 * stream's key and n, so a seed, or a saved state, gives the same numbers again.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const rng = new Rng(1);
 * const resumed = Rng.restore(JSON.parse(JSON.stringify(rng.state)));
 * assertEquals(resumed.normal(), rng.normal());
 * ```
 */
export class Rng {
  #key0: number;
  #key1: number;
  #counter = 0;
  readonly #words = new Uint32Array(2);

  /** Throws a `RangeError` when `seed` is not a safe integer. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(
        `Cannot seed Rng: expected a safe integer, got ${seed}`,
      );
    }
    this.#key0 = highWord(seed);
    this.#key1 = seed >>> 0;
  }

  /** Continues from `state`. Throws a `RangeError` when it is not a state. */
  static restore(state: RngState): Rng {
    const [key0, key1] = state.key;
    if (
      key0 !== key0 >>> 0 || key1 !== key1 >>> 0 ||
      !Number.isSafeInteger(state.counter) || state.counter < 0
    ) {
      throw new RangeError(
        `Cannot restore Rng: expected two 32-bit words and a counter, got ${
          JSON.stringify(state)
        }`,
      );
    }
    const rng = new Rng(0);
    rng.#key0 = key0;
    rng.#key1 = key1;
    rng.#counter = state.counter;
    return rng;
  }

  /** All that `restore` needs to continue from here. */
  get state(): RngState {
    return { key: [this.#key0, this.#key1], counter: this.#counter };
  }

  /**
   * Independent stream that belongs to `name`; a number counts as its decimal
   * text. Depends on this stream's key alone, not on what was drawn from it.
   */
  split(name: string | number): Rng {
    const text = String(name);
    const child = Rng.restore({ ...this.state, counter: 0 });
    for (let i = 0; i < text.length; i++) child.#rekey(text.charCodeAt(i));
    // The length at the end tells split("ab") from split("a").split("b").
    child.#rekey(text.length);
    return child;
  }

  /** Uniform in [0, 1): a multiple of 2^-24, so exact as f32. */
  uniform(): number {
    this.#draw();
    return (this.#words[0]! >>> 8) / 2 ** 24;
  }

  /**
   * Uniform integer in [0, n), without bias. Throws a `RangeError` unless `n`
   * is a safe integer >= 1.
   */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new RangeError(
        `Cannot draw an integer below n: expected a safe integer >= 1, got ${n}`,
      );
    }
    const values = 2 ** 53;
    for (;;) {
      this.#draw();
      const value = (this.#words[0]! >>> 5) * 2 ** 26 + (this.#words[1]! >>> 6);
      // The uneven rest at the top would favour small results.
      if (value < values - values % n) return value % n;
    }
  }

  /** Standard normal (Box and Muller, 1958); |result| < 6.7. */
  normal(): number {
    this.#draw();
    const radius = Math.sqrt(-2 * Math.log((this.#words[0]! + 1) / 2 ** 32));
    return radius * Math.cos(2 * Math.PI * this.#words[1]! / 2 ** 32);
  }

  /**
   * Standard normal, drawn again until |result| <= limit. Throws a
   * `RangeError` unless limit >= 1, below which most draws would be lost.
   */
  truncatedNormal(limit = 3): number {
    if (!(limit >= 1)) {
      throw new RangeError(
        `Cannot truncate a normal: expected a limit >= 1, got ${limit}`,
      );
    }
    for (;;) {
      const value = this.normal();
      if (Math.abs(value) <= limit) return value;
    }
  }

  /**
   * Fills `out` with numbers uniform between `low` and `high`. Throws a
   * `RangeError` when either is none.
   */
  fillUniform(out: Float32Array, low: number, high: number): void {
    checkNumber("draw from low", low, {});
    checkNumber("draw up to high", high, {});
    for (let i = 0; i < out.length; i++) {
      out[i] = low + (high - low) * this.uniform();
    }
  }

  /**
   * Fills `out` with `sigma` times standard normals. Throws a `RangeError` unless
   * sigma >= 0.
   */
  fillNormal(out: Float32Array, sigma: number): void {
    checkNumber("draw normals with sigma", sigma, { least: 0 });
    for (let i = 0; i < out.length; i++) out[i] = sigma * this.normal();
  }

  /**
   * Fills `out` with `sigma` times normals truncated at `limit` sigma. Throws a
   * `RangeError` unless sigma >= 0.
   */
  fillTruncatedNormal(out: Float32Array, sigma: number, limit = 3): void {
    checkNumber("draw normals with sigma", sigma, { least: 0 });
    for (let i = 0; i < out.length; i++) {
      out[i] = sigma * this.truncatedNormal(limit);
    }
  }

  #draw(): void {
    const n = this.#counter++;
    threefry2x32(this.#key0, this.#key1, n >>> 0, highWord(n), this.#words);
  }

  #rekey(value: number): void {
    // Draws count to 2^53, so none uses a counter with the top bit set.
    threefry2x32(this.#key0, this.#key1, value, 1 << 31, this.#words);
    [this.#key0, this.#key1] = [this.#words[0]!, this.#words[1]!];
  }
}

/** Bits 32 and up of a safe integer, as in two's complement. */
function highWord(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}
