import { checkNumber, type Device } from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { checkIndices, checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/** Interval of keys that each query sees; neither end ever decreases. */
export interface Ends {
  /** [queries] First key that is seen. */
  readonly lo: Uint32Array;
  /** [queries] End of the keys that are seen; `lo` where there are none. */
  readonly hi: Uint32Array;
}

/** How much the intervals hold. */
export interface IntervalSizes {
  /** Pairs of a query and a key it sees, or an upper bound of them. */
  readonly pairs: number;
  /** Most keys of a query or queries of a key, or an upper bound of them. */
  readonly longest: number;
}

/**
 * Which keys each query of an attention sees: an interval whose ends never
 * decrease. So the queries that see a key are an interval, too.
 *
 * Made once and used in any number of calls; its tensors belong to the scope in
 * which it is made.
 */
export class Intervals implements Disposable, IntervalSizes {
  /** [queries, 2] First key that each query sees, and end. */
  readonly ofQueries: Tensor;
  /** [keys, 2] First query that sees each key, and end. */
  readonly ofKeys: Tensor;
  readonly pairs: number;
  readonly longest: number;

  /**
   * Takes tensors that were made on the device. That each is the inverse of the
   * other is not checked, which would need a wait. Throws a `DTypeError` unless
   * they are indices, a `ShapeError` unless they are pairs, and a `RangeError`
   * for sizes that are no counts.
   */
  constructor(
    ofQueries: Tensor,
    ofKeys: Tensor,
    { pairs, longest }: IntervalSizes,
  ) {
    const both = [ofQueries, ofKeys];
    checkOperands("Intervals", both, { dtypes: ["u32", "u32"] });
    const shapes = both.map(({ shape }) => shape);
    if (shapes.some((shape) => shape.length !== 2 || shape[1] !== 2)) {
      throw new ShapeError("Intervals", shapes, "expected [Q, 2] and [K, 2]");
    }
    checkNumber("see pairs", pairs, { whole: true, least: 0 });
    checkNumber("see the longest", longest, { whole: true, least: 0 });
    this.ofQueries = ofQueries;
    this.ofKeys = ofKeys;
    this.pairs = pairs;
    this.longest = longest;
  }

  /**
   * Uploads the intervals of all queries over `keys` keys.
   *
   * Throws a `RangeError` when `lo` and `hi` differ in length, an end decreases,
   * `lo` exceeds `hi`, or `hi` exceeds `keys`.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { causal, Intervals, openDevice } from "@club/club/tensor";
   *
   * using device = await openDevice("cpu");
   * using intervals = Intervals.from(device, causal([3]), 3);
   * assertEquals([...await intervals.ofQueries.indices()], [0, 1, 0, 2, 0, 3]);
   * assertEquals([...await intervals.ofKeys.indices()], [0, 3, 1, 3, 2, 3]);
   * ```
   */
  static from(device: Device, { lo, hi }: Ends, keys: number): Intervals {
    check(lo, hi, keys);
    const queries = lo.length;
    const ofQueries = new Uint32Array(2 * queries);
    const ofKeys = new Uint32Array(2 * keys);
    let pairs = 0;
    let longest = 0;
    for (let i = 0; i < queries; i++) {
      ofQueries[2 * i] = lo[i]!;
      ofQueries[2 * i + 1] = hi[i]!;
      pairs += hi[i]! - lo[i]!;
      longest = Math.max(longest, hi[i]! - lo[i]!);
    }
    // Ends never decrease: the first queries end before a key, the last ones
    // begin after it, and those between see it.
    let from = 0;
    let to = 0;
    for (let key = 0; key < keys; key++) {
      while (from < queries && hi[from]! <= key) from++;
      while (to < queries && lo[to]! <= key) to++;
      ofKeys[2 * key] = from;
      ofKeys[2 * key + 1] = to;
      longest = Math.max(longest, to - from);
    }
    return new Intervals(
      Tensor.from(device, [queries, 2], ofQueries),
      Tensor.from(device, [keys, 2], ofKeys),
      { pairs, longest },
    );
  }

  /** Frees both tensors; calling it twice is harmless. */
  dispose(): void {
    this.ofQueries.dispose();
    this.ofKeys.dispose();
  }

  /** Same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function check(lo: Uint32Array, hi: Uint32Array, keys: number): void {
  checkNumber("make intervals over keys", keys, { whole: true, least: 0 });
  checkIndices("Intervals", lo, hi);
  if (lo.length !== hi.length) {
    throw new RangeError(
      `Cannot make intervals: expected as many ends as beginnings, got ${hi.length} and ${lo.length}`,
    );
  }
  for (let i = 0; i < lo.length; i++) {
    const [a = 0, b = 0] = [lo[i], hi[i]];
    if (a > b || b > keys) {
      throw new RangeError(
        `Cannot make intervals: expected lo <= hi <= ${keys} at query ${i}, got [${a}, ${b})`,
      );
    }
    if (i > 0 && (a < lo[i - 1]! || b < hi[i - 1]!)) {
      throw new RangeError(
        `Cannot make intervals: expected ends that never decrease, got [${
          lo[i - 1]
        }, ${hi[i - 1]}) and [${a}, ${b}) at query ${i}`,
      );
    }
  }
}

/**
 * Every position sees itself and those before it in its document, at most
 * `window` in all; by default, Infinity, all of them. `lengths` are those of the
 * documents, one after the other. Throws a `RangeError` for what is no count.
 */
export function causal(
  lengths: readonly number[],
  window: number = Infinity,
): Ends {
  const limit = { whole: true, least: 1, most: Infinity };
  checkNumber("see a window", window, limit);
  const lo: number[] = [];
  const hi: number[] = [];
  for (const length of lengths) {
    checkNumber("see a document of length", length, { whole: true, least: 0 });
    const start = lo.length;
    for (let i = start; i < start + length; i++) {
      lo.push(Math.max(start, i + 1 - window));
      hi.push(i + 1);
    }
  }
  return { lo: Uint32Array.from(lo), hi: Uint32Array.from(hi) };
}

/**
 * Each of the `slots` queries of patch j, at row j slots + r, sees the bytes of
 * its patch: those from `bounds[j]` up to, and without, `bounds[j + 1]`.
 */
export function slotsSeeBytes(bounds: Uint32Array, slots: number): Ends {
  checkNumber("see bytes by slots", slots, { whole: true, least: 1 });
  checkIndices("slotsSeeBytes", bounds);
  const rows = Math.max(bounds.length - 1, 0) * slots;
  const bound = (i: number): number => bounds[Math.floor(i / slots)]!;
  return {
    lo: Uint32Array.from({ length: rows }, (_, row) => bound(row)),
    hi: Uint32Array.from({ length: rows }, (_, row) => bound(row + slots)),
  };
}

/** Each byte sees the `slots` keys of the patch that it reads, `patches[p]`. */
export function bytesSeeSlots(patches: Uint32Array, slots: number): Ends {
  checkNumber("see slots", slots, { whole: true, least: 1 });
  checkIndices("bytesSeeSlots", patches);
  return {
    lo: patches.map((patch) => patch * slots),
    hi: patches.map((patch) => (patch + 1) * slots),
  };
}
