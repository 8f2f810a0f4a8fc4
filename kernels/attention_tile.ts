import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import {
  f32x4,
  type I32,
  i32,
  i32x4,
  type V128,
  v128,
} from "./wasm/instructions.ts";

/** Rows of a tile: one lane each, in two vectors. */
export const LANES = 8;
/** Rows that a tile meets at a time. */
export const BLOCK = 64;
/** Bytes of one number for each lane. */
export const STEP: number = 4 * LANES;
/** Bytes of scores of a block. */
export const SCORES: number = BLOCK * STEP;
/** Score of what is not seen: its weight is exactly 0. */
const UNSEEN = -3e38;
/** Rows whose scores are computed together. */
const ROWS = 4;
/** Columns in one turn of the innermost loop. */
const UNROLL = 16;

/** The columns of one head in consecutive rows. */
export interface Rows {
  /** Address of the first number. */
  readonly address: I32;
  /** Bytes between rows. */
  readonly stride: I32;
}

/** A number for each lane. */
export type Lanes = readonly [Local<"v128">, Local<"v128">];

/** Bytes of a tile by columns, a `STEP` for each, in whole vectors. */
export function packedBytes(headWidth: number): number {
  return STEP * 4 * Math.ceil(headWidth / 4);
}

/** Bytes of one row of sums, in whole vectors. */
function sumStride(headWidth: number): number {
  return 16 * Math.ceil(headWidth / 4);
}

/** Smaller of two whole numbers. */
export function least(f: FunctionBuilder, a: I32, b: I32): Local<"i32"> {
  const [x, y] = [f.let(a), f.let(b)];
  return f.let(i32.select(x, y, i32.ltU(x, y)));
}

/** The numbers of all lanes at an address. */
export function lanesAt(f: FunctionBuilder, address: I32): Lanes {
  const from = f.let(address);
  return [f.let(v128.load(from)), f.let(v128.load(from, 16))];
}

/** Copies the first `size` rows, times `factor`, to `target` by columns. */
export function pack(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, size, factor, target }: {
    readonly headWidth: number;
    readonly size: I32;
    readonly factor: number;
    readonly target: I32;
  },
): void {
  // Lanes without a row repeat the last one; nobody uses what they give.
  const last = f.let(i32.sub(size, 1));
  const rows = Array.from({ length: LANES }, (_, lane) => {
    const row = least(f, i32.const(lane), last);
    return f.let(i32.add(address, i32.mul(row, stride)));
  });
  const to = f.let(target);
  f.for({ from: 0, to: 4 * headWidth, step: 16 }, (column) => {
    for (let lane = 0; lane < LANES; lane += 4) {
      const four = rows.slice(lane, lane + 4).map((row) => {
        const x = v128.load(i32.add(row, column));
        return f.let(factor === 1 ? x : f32x4.mul(x, f32x4.splat(factor)));
      });
      transpose(f, four).forEach((vector, i) =>
        f.store(to, vector, i * STEP + 4 * lane)
      );
    }
    f.set(to, i32.add(to, 4 * STEP));
  });
}

/** Columns of the 4 x 4 matrix with these rows. */
function transpose(f: FunctionBuilder, rows: readonly V128[]): V128[] {
  const [a, b, c, d] = rows as [V128, V128, V128, V128];
  return ([[0, 4, 1, 5], [2, 6, 3, 7]] as const).flatMap((order) => {
    const ab = f.let(v128.shuffle(a, b, order));
    const cd = f.let(v128.shuffle(c, d, order));
    return [
      v128.shuffle(ab, cd, [0, 1, 4, 5]),
      v128.shuffle(ab, cd, [2, 3, 6, 7]),
    ];
  });
}

/**
 * Scalar products of `count` rows with all lanes of a packed tile, to `target`
 * with a `STEP` for each row. Adds along the columns in order, so that a
 * product does not depend on where in a tile or block it is computed.
 */
export function multiply(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, packed, target }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly packed: I32;
    readonly target: I32;
  },
): void {
  const last = f.let(i32.sub(count, 1));
  const to = f.let(target);
  f.for({ from: 0, to: count, step: ROWS }, (first) => {
    const rows = Array.from({ length: ROWS }, (_, r) => {
      const row = least(f, i32.add(first, r), last);
      return f.let(i32.add(address, i32.mul(row, stride)));
    });
    const tile = f.let(packed);
    const sums = rows.map(() => [
      f.let(f32x4.splat(0)),
      f.let(f32x4.splat(0)),
    ]);
    const turn = (columns: number): void => {
      for (let e = 0; e < columns; e++) {
        const y = [0, 16].map((at) => f.let(v128.load(tile, e * STEP + at)));
        sums.forEach((vectors, r) => {
          const x = f.let(v128.loadSplat(rows[r]!, 4 * e));
          vectors.forEach((sum, v) => f.set(sum, f32x4.madd(x, y[v]!, sum)));
        });
      }
      f.set(tile, i32.add(tile, columns * STEP));
      rows.forEach((row) => f.set(row, i32.add(row, 4 * columns)));
    };
    const turns = Math.floor(headWidth / UNROLL);
    f.for({ from: 0, to: turns }, () => turn(UNROLL));
    turn(headWidth % UNROLL);
    sums.forEach((vectors, r) =>
      vectors.forEach((sum, v) => f.store(to, sum, r * STEP + 16 * v))
    );
    f.set(to, i32.add(to, ROWS * STEP));
  });
}

/**
 * Adds rows, weighted by lane, to the sums of the lanes, which lie row by row:
 * sums = decay sums + Σ_j weights_j rows_j, in the order of j.
 */
export function accumulate(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, weights, sums, decay }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly weights: I32;
    readonly sums: I32;
    /** Address of the factors of the lanes. */
    readonly decay?: I32;
  },
): void {
  const sumBytes = sumStride(headWidth);
  const end = f.let(i32.add(weights, i32.mul(count, STEP)));
  const columns = (column: I32, vectors: number): void => {
    for (let lane = 0; lane < LANES; lane += 4) {
      const own = f.let(i32.add(i32.add(sums, lane * sumBytes), column));
      const parts = Array.from({ length: 4 }, (_, r) => {
        const factor = decay && f.let(v128.loadSplat(decay, 4 * (lane + r)));
        return Array.from({ length: vectors }, (_, v) => {
          const sum = v128.load(own, r * sumBytes + 16 * v);
          return f.let(factor ? f32x4.mul(factor, sum) : sum);
        });
      });
      const row = f.let(i32.add(address, column));
      f.for({ from: weights, to: end, step: STEP }, (at) => {
        const x = parts[0]!.map((_, v) => f.let(v128.load(row, 16 * v)));
        parts.forEach((part, r) => {
          const weight = f.let(v128.loadSplat(at, 4 * (lane + r)));
          part.forEach((sum, v) => f.set(sum, f32x4.madd(weight, x[v]!, sum)));
        });
        f.set(row, i32.add(row, stride));
      });
      parts.forEach((part, r) =>
        part.forEach((sum, v) => f.store(own, sum, r * sumBytes + 16 * v))
      );
    }
  };
  const pairs = Math.floor(sumBytes / 32);
  f.for({ from: 0, to: 32 * pairs, step: 32 }, (column) => columns(column, 2));
  if (sumBytes % 32 > 0) columns(i32.const(32 * pairs), 1);
}

/** Sets the sums of all lanes to 0. */
export function clear(
  f: FunctionBuilder,
  sums: I32,
  headWidth: number,
): void {
  const end = f.let(i32.add(sums, LANES * sumStride(headWidth)));
  f.for({ from: sums, to: end, step: 16 }, (at) => f.store(at, f32x4.splat(0)));
}

/** Writes the sums of the first `size` lanes, each times its factor. */
export function unload(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, size, sums, factors }: {
    readonly headWidth: number;
    readonly size: I32;
    readonly sums: I32;
    /** Address of the factors of the lanes. */
    readonly factors: I32;
  },
): void {
  const to = f.let(address);
  const from = f.let(sums);
  f.for({ from: 0, to: size }, (lane) => {
    const at = i32.add(factors, i32.shl(lane, 2));
    const factor = f.let(v128.loadSplat(at));
    f.for({ from: 0, to: headWidth, step: 4 }, (e) => {
      const offset = f.let(i32.shl(e, 2));
      const sum = v128.load(i32.add(from, offset));
      const target = f.let(i32.add(to, offset));
      const result = f.let(f32x4.mul(factor, sum));
      f.storeLanes(target, result, i32.sub(headWidth, e));
    });
    f.set(to, i32.add(to, stride));
    f.set(from, i32.add(from, sumStride(headWidth)));
  });
}

/** Bytes of the sums of all lanes. */
export function sumsBytes(headWidth: number): number {
  return LANES * sumStride(headWidth);
}

/** Makes the scores of rows outside of a lane's interval `UNSEEN`. */
export function hide(
  f: FunctionBuilder,
  { ends, first, count, scores }: {
    /** Address of the intervals of the lanes. */
    readonly ends: I32;
    /** Number of the first row. */
    readonly first: I32;
    readonly count: I32;
    readonly scores: I32;
  },
): void {
  const from = f.let(ends);
  const intervals = [0, 32].map((at) => {
    const [a, b] = [
      f.let(v128.load(from, at)),
      f.let(v128.load(from, at + 16)),
    ];
    return {
      lo: f.let(v128.shuffle(a, b, [0, 2, 4, 6])),
      hi: f.let(v128.shuffle(a, b, [1, 3, 5, 7])),
    };
  });
  const to = f.let(scores);
  const end = f.let(i32.add(first, count));
  f.for({ from: first, to: end }, (row) => {
    const number = f.let(i32x4.splat(row));
    // The sign of a difference, in all bits.
    const before = (end: V128): V128 => i32x4.shrS(i32x4.sub(number, end), 31);
    intervals.forEach(({ lo, hi }, v) => {
      const seen = v128.andnot(before(hi), before(lo));
      const score = v128.load(to, 16 * v);
      const kept = v128.select(score, f32x4.splat(UNSEEN), seen);
      f.store(to, kept, 16 * v);
    });
    f.set(to, i32.add(to, STEP));
  });
}
