/** Seeded stream of random numbers that property tests draw from (SplitMix32). */
export class Draw {
  #state: number;

  /** Two draws with the same 32-bit seed give the same numbers. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }

  /** Uniform over the integers from `low` up to, and without, `high`. */
  integer(low: number, high: number): number {
    return low + Math.floor((high - low) * this.uniform());
  }
}

/** Runs `check` on `runs` seeded draws; a failure names its seed. */
export function forAll<T>(
  draw: (rng: Draw) => T,
  check: (value: T) => void,
  runs = 100,
): void {
  for (let seed = 0; seed < runs; seed++) {
    const value = draw(new Draw(seed));
    try {
      check(value);
    } catch (cause) {
      throw new Error(`Failed for seed ${seed}: ${Deno.inspect(value)}`, {
        cause,
      });
    }
  }
}
