import { element, least } from "./rows_simd.ts";
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
export const BLOCK = 48;
/** Bytes of one number for each lane. */
export const STEP: number = 4 * LANES;
/** Bytes of scores of a block. */
export const SCORES: number = BLOCK * STEP;
/** Multiply-adds that take as long as a fork is worth, some 30 us. */
const FORK = 6e5;
/** Below the scores of all that has a share, but far above `UNSEEN`. */
export const LOWEST: number = -(2 ** 127);
/** Score of what is not seen: its weight is exactly 0. */
export const UNSEEN = -3.4e38;
/** Rows whose scores are computed together. */
const ROWS = 6;
/** Columns whose sums are computed together: a vector and one more. */
const COLUMNS = 5;
/** Columns in one turn of the innermost loop. */
const UNROLL = 8;

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

/** Tiles that hold `rows` rows. */
export function tilesOf(rows: number): number {
  return Math.ceil(rows / LANES);
}

/** Items worth a fork, when all of them take `work` multiply-adds. */
export function grainOf(work: number, items: number): number {
  return Math.ceil(FORK * items / (work + 1));
}

/** The rows of a matrix from `first` on, at `column`; `stride` in numbers. */
export function rowsAt(
  f: FunctionBuilder,
  matrix: I32,
  first: I32,
  stride: I32,
  column: I32,
): Rows {
  const index = i32.add(i32.mul(first, stride), column);
  return {
    address: f.let(element(matrix, index)),
    stride: f.let(i32.shl(stride, 2)),
  };
}

/** The same for both vectors of lanes. */
export function both(make: (v: number) => Local<"v128">): Lanes {
  return [make(0), make(1)];
}

/** Runs `body` for tile by tile of all heads. */
export function forTiles(
  f: FunctionBuilder,
  { begin, end, own }: {
    readonly begin: I32;
    readonly end: I32;
    readonly own: I32;
  },
  body: (tile: {
    readonly head: I32;
    /** First row of the tile. */
    readonly first: I32;
    /** Rows in the tile, at most `LANES`. */
    readonly size: I32;
  }) => void,
): void {
  const tiles = f.let(i32.divU(i32.add(own, LANES - 1), LANES));
  f.for({ from: begin, to: end }, (item) => {
    const head = f.let(i32.divU(item, tiles));
    const first = f.let(i32.mul(i32.remU(item, tiles), LANES));
    const size = least(f, i32.sub(own, first), i32.const(LANES));
    body({ head, first, size });
  });
}

/** Runs `body` for block by block of what the rows of a tile see. */
export function forBlocks(
  f: FunctionBuilder,
  { ends, size }: {
    /** Address of the intervals of the rows. */
    readonly ends: I32;
    readonly size: I32;
  },
  body: (block: {
    readonly start: I32;
    readonly count: I32;
    /** Not 0 when every row sees all of the block. */
    readonly whole: I32;
  }) => void,
): void {
  // Ends never decrease: the first row sees the first key, the last the last.
  const last = f.let(i32.add(ends, i32.shl(i32.sub(size, 1), 3)));
  const stop = f.let(i32.load(last, 4));
  f.for({ from: i32.load(ends), to: stop, step: BLOCK }, (start) => {
    const count = least(f, i32.sub(stop, start), i32.const(BLOCK));
    const whole = f.let(
      i32.and(
        i32.geU(start, i32.load(last)),
        i32.leU(i32.add(start, count), i32.load(ends, 4)),
      ),
    );
    body({ start, count, whole });
  });
}

/** Copies the first `size` rows, times `factor`, to `target` by columns. */
export function pack(
  f: FunctionBuilder,
  rows: Rows,
  { headWidth, size, factor, target }: {
    readonly headWidth: number;
    readonly size: I32;
    readonly factor: number;
    readonly target: I32;
  },
): void {
  const from = rowsOf(f, rows, size);
  const to = f.let(target);
  f.for({ from: 0, to: 4 * headWidth, step: 16 }, (column) => {
    for (let lane = 0; lane < LANES; lane += 4) {
      const four = from.slice(lane, lane + 4).map((row) => {
        const x = v128.load(i32.add(row, column));
        return f.let(factor === 1 ? x : f32x4.mul(x, f.constant(factor)));
      });
      transpose(f, four).forEach((vector, i) =>
        f.store(to, vector, i * STEP + 4 * lane)
      );
    }
    f.set(to, i32.add(to, 4 * STEP));
  });
}

/**
 * Address of the row of each lane. Lanes without a row repeat the last one;
 * nobody uses what they give.
 */
function rowsOf(
  f: FunctionBuilder,
  { address, stride }: Rows,
  size: I32,
): Local<"i32">[] {
  const last = f.let(i32.sub(size, 1));
  return Array.from({ length: LANES }, (_, lane) => {
    const row = least(f, i32.const(lane), last);
    return f.let(i32.add(address, i32.mul(row, stride)));
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
      f.let(f.constant(0)),
      f.let(f.constant(0)),
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
 * Adds rows, weighted by lane, to the sums of a tile, which lie like a packed
 * one: sums = decay sums + Σ_j weights_j rows_j, in the order of j.
 */
export function accumulate(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, weights, sums, decay }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly weights: I32;
    readonly sums: I32;
    readonly decay?: Lanes;
  },
): void {
  const columns = (first: I32, number: number): void => {
    const own = f.let(i32.add(sums, i32.mul(first, STEP)));
    const parts = Array.from({ length: number }, (_, e) =>
      [0, 1].map((v) => {
        const sum = v128.load(own, e * STEP + 16 * v);
        return f.let(decay ? f32x4.mul(decay[v]!, sum) : sum);
      }));
    const row = f.let(i32.add(address, i32.shl(first, 2)));
    const at = f.let(weights);
    const turn = (rows: number): void => {
      for (let j = 0; j < rows; j++) {
        const weight = [0, 16].map((by) => f.let(v128.load(at, j * STEP + by)));
        const four = f.let(v128.load(row));
        parts.forEach((part, e) => {
          // A shuffle is cheaper than a load whose address V8 checks.
          const x = f.let(
            e < 4
              ? v128.shuffle(four, four, [e, e, e, e])
              : v128.loadSplat(row, 4 * e),
          );
          part.forEach((sum, v) => f.set(sum, f32x4.madd(x, weight[v]!, sum)));
        });
        f.set(row, i32.add(row, stride));
      }
      f.set(at, i32.add(at, rows * STEP));
    };
    f.for({ from: 0, to: i32.shrU(count, 2) }, () => turn(4));
    f.for({ from: 0, to: i32.and(count, 3) }, () => turn(1));
    parts.forEach((part, e) =>
      part.forEach((sum, v) => f.store(own, sum, e * STEP + 16 * v))
    );
  };
  const rest = headWidth % COLUMNS;
  const whole = headWidth - rest;
  f.for(
    { from: 0, to: whole, step: COLUMNS },
    (first) => columns(first, COLUMNS),
  );
  if (rest > 0) columns(i32.const(whole), rest);
}

/** Sets the sums of a tile to 0. */
export function clear(
  f: FunctionBuilder,
  sums: I32,
  headWidth: number,
): void {
  const end = f.let(i32.add(sums, headWidth * STEP));
  f.for({ from: sums, to: end, step: 16 }, (at) => f.store(at, f.constant(0)));
}

/** Writes the sums of the first `size` lanes, times `factors`, to their rows. */
export function unload(
  f: FunctionBuilder,
  rows: Rows,
  { headWidth, size, sums, factors }: {
    readonly headWidth: number;
    readonly size: I32;
    readonly sums: I32;
    readonly factors: Lanes;
  },
): void {
  const to = rowsOf(f, rows, size);
  const from = f.let(sums);
  const four = (store: (row: Local<"i32">, x: Local<"v128">) => void): void => {
    const lanes = factors.flatMap((factor, v) =>
      transpose(
        f,
        [0, 1, 2, 3].map((e) =>
          f.let(f32x4.mul(factor, v128.load(from, e * STEP + 16 * v)))
        ),
      )
    );
    // The last row comes last, after what lanes without a row wrote there.
    for (let lane = LANES - 1; lane >= 0; lane--) {
      store(to[lane]!, f.let(lanes[lane]!));
    }
    f.set(from, i32.add(from, 4 * STEP));
    to.forEach((row) => f.set(row, i32.add(row, 16)));
  };
  const rest = headWidth % 4;
  f.for(
    { from: 0, to: headWidth - rest, step: 4 },
    () => four((row, x) => f.store(row, x)),
  );
  if (rest > 0) four((row, x) => f.storeLanes(row, x, i32.const(rest)));
}

/** Makes the scores of rows outside of a lane's interval `UNSEEN`. */
export function hide(
  f: FunctionBuilder,
  { ends, start, count, scores }: {
    /** Address of the intervals of the lanes. */
    readonly ends: I32;
    /** Number of the first row. */
    readonly start: I32;
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
  const end = f.let(i32.add(start, count));
  f.for({ from: start, to: end }, (row) => {
    const number = f.let(i32x4.splat(row));
    // The sign of a difference, in all bits.
    const before = (end: V128): V128 => i32x4.shrS(i32x4.sub(number, end), 31);
    intervals.forEach(({ lo, hi }, v) => {
      const seen = v128.andnot(before(hi), before(lo));
      const score = v128.load(to, 16 * v);
      const kept = v128.select(score, f.constant(UNSEEN), seen);
      f.store(to, kept, 16 * v);
    });
    f.set(to, i32.add(to, STEP));
  });
}

/** Writes those of four lanes that have a row. */
export function storeLanes(
  f: FunctionBuilder,
  address: I32,
  value: V128,
  { v, size }: { readonly v: number; readonly size: I32 },
): void {
  const held = f.let(value);
  f.if(i32.gtU(size, 4 * v), () => {
    const target = f.let(i32.add(address, 16 * v));
    f.storeLanes(target, held, i32.sub(size, 4 * v));
  });
}
