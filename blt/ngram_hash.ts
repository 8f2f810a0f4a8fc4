import { BOS } from "./bytes.ts";

/** Shape of the hashed n-gram tables. */
export interface NgramHashConfig {
  /** Bytes per n-gram, ascending; [3, 4, 5, 6, 7, 8] in released models. */
  readonly sizes: readonly number[];
  /** Hash functions, 1 to 11, each over all sizes. */
  readonly functions: number;
  /** Rows of each table, 1 to 2^21. */
  readonly rows: number;
}

/** How rows are numbered. */
export interface NgramRowOptions {
  /** Number rows through all tables, as table * rows + row; false by default. */
  readonly stacked?: boolean;
}

/** The base of each hash function's polynomial, fixed by released weights. */
const PRIMES = [
  1000000007,
  5915587277,
  1500450271,
  3267000013,
  5754853343,
  4093082899,
  9576890767,
  3628273133,
  2860486313,
  5463458053,
  3367900313,
];

/** Up to here signed high half * (2^32 mod rows) + low half is exact in float64. */
const MAX_ROWS = 2 ** 21;

/**
 * Hashes the n-grams that end at each id of a stream (Pagnoni et al., 2024,
 * arXiv:2412.09871, section 3.2.1, in the form that released weights use).
 *
 * The hash of w_0 .. w_{n-1}, oldest first, is the sum of w_j p^j in 64-bit
 * signed arithmetic that wraps, modulo the rows. Ids before a BOS, or before
 * the stream, count as 0.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encode } from "./bytes.ts";
 *
 * const hasher = new NgramHasher({ sizes: [2, 3], functions: 1, rows: 64 });
 * const rows = hasher.push(encode("He", { eos: false }));
 * assertEquals([...rows], [7, 49, 21, 19, 43, 46]);
 * ```
 */
export class NgramHasher {
  /** Tables, K: functions x sizes, function-major. */
  readonly tables: number;
  readonly #config: NgramHashConfig;
  readonly #stride: number;
  /** [largest size] ids, newest first. */
  readonly #recent: Uint32Array;

  /** Throws a `RangeError` that names the bad field. */
  constructor(
    config: NgramHashConfig,
    { stacked = false }: NgramRowOptions = {},
  ) {
    checkNgramHash(config);
    this.tables = config.functions * config.sizes.length;
    this.#config = config;
    this.#stride = stacked ? config.rows : 0;
    this.#recent = new Uint32Array(config.sizes.at(-1)!);
  }

  /** Rows of the next ids of the stream. ids: [T] -> [T, K] */
  push(ids: Uint32Array): Uint32Array {
    const { sizes, functions, rows } = this.#config;
    const recent = this.#recent;
    const wrap = 2 ** 32 % rows;
    const out = new Uint32Array(ids.length * this.tables);
    let at = 0;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === BOS) recent.fill(0);
      recent.copyWithin(1, 0);
      recent[0] = ids[i]!;

      let base = 0;
      for (let f = 0; f < functions; f++) {
        const prime = PRIMES[f]!;
        const primeHigh = Math.floor(prime / 2 ** 32);
        const primeLow = prime >>> 0;
        const upper = primeLow >>> 16;
        const lower = primeLow & 0xffff;
        // Horner from the newest id: the hash of one size continues into the
        // next. The hash is high * 2^32 + low, high signed.
        let high = 0;
        let low = 0;
        let size = 0;
        for (let j = 0; j < recent.length; j++) {
          const middle = low * upper + Math.floor(low * lower / 2 ** 16);
          const sum = (Math.imul(low, primeLow) >>> 0) + recent[j]!;
          high = (Math.floor(middle / 2 ** 16) + Math.imul(low, primeHigh) +
            Math.imul(high, primeLow) + Number(sum >= 2 ** 32)) | 0;
          low = sum >>> 0;
          if (j + 1 === sizes[size]) {
            const hash = high * wrap + low;
            out[at++] = base + hash - Math.floor(hash / rows) * rows;
            base += this.#stride;
            size++;
          }
        }
      }
    }
    return out;
  }
}

/**
 * Rows of the n-grams that end at each id of one row: ids: [T] -> [T, K],
 * K = functions x sizes, function-major. Throws a `RangeError` for a bad config.
 */
export function ngramRows(
  ids: Uint32Array,
  config: NgramHashConfig,
  options?: NgramRowOptions,
): Uint32Array {
  return new NgramHasher(config, options).push(ids);
}

function checkNgramHash({ sizes, functions, rows }: NgramHashConfig): void {
  const ascending = sizes.every((size, i) =>
    Number.isInteger(size) && size > (sizes[i - 1] ?? 0)
  );
  if (sizes.length === 0 || !ascending) {
    throw new RangeError(
      `Cannot hash n-grams: sizes must be ascending integers >= 1, got [${sizes}]`,
    );
  }
  checkCount("functions", functions, PRIMES.length);
  checkCount("rows", rows, MAX_ROWS);
}

function checkCount(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new RangeError(
      `Cannot hash n-grams: ${name} must be an integer from 1 to ${most}, got ${value}`,
    );
  }
}
