import {
  accumulate,
  BLOCK,
  clear,
  hide,
  LANES,
  type Lanes,
  lanesAt,
  least,
  multiply,
  pack,
  packedBytes,
  type Rows,
  SCORES,
  STEP,
  sumsBytes,
  unload,
} from "./attention_tile.ts";
import type {
  AttentionGradKvBuffer,
  AttentionGradKvSize,
  AttentionGradQBuffer,
} from "./attention_grad.ts";
import type { AttentionBuffer, AttentionSize } from "./attention.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import {
  f32x4,
  type I32,
  i32,
  i32x4,
  type V128,
  v128,
} from "./wasm/instructions.ts";

// Scores are kept as powers of two: exp s = 2^(s log2 e).
const LOG2E = Math.LOG2E;
/** Multiply-adds that take as long as a fork is worth, some 30 us. */
const FORK = 6e5;
/** Below every score, but far from what `hide` leaves. */
const LOWEST = -(2 ** 100);

/** Forward form of `attentionKernel`. An item is a tile of queries of a head. */
export function attentionSimd(
  headWidth: number,
): SimdForm<AttentionSize, AttentionBuffer> {
  const scale = LOG2E / Math.sqrt(headWidth);
  const packed = packedBytes(headWidth);
  const sumBytes = sumsBytes(headWidth);
  return {
    items: ({ queries, heads }) => heads * tilesOf(queries),
    grain: ({ queries, heads, pairs }) =>
      grainOf(2 * headWidth * pairs * heads, heads * tilesOf(queries)),
    scratch: () => packed + sumBytes + SCORES + STEP,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, heads, qStride, kvStride, kOffset } = sizes;
      const q = scratch;
      const sums = f.let(i32.add(q, packed));
      const scores = f.let(i32.add(sums, sumBytes));
      const factors = f.let(i32.add(scores, SCORES));
      const width = f.let(i32.mul(heads, headWidth));
      forTiles(f, { begin, end, own: queries }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const own = rowsAt(f, buffers.q, first, qStride, column);
        pack(f, own, { headWidth, size, factor: scale, target: q });
        clear(f, sums, headWidth);
        const tops = both(() => f.let(f32x4.splat(LOWEST)));
        const totals = both(() => f.let(f32x4.splat(0)));
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const keys = rowsAt(f, buffers.kv, start, kvStride, k);
          multiply(f, keys, { headWidth, count, packed: q, target: scores });
          f.if(
            whole,
            () => {},
            () => hide(f, { ends, first: start, count, scores }),
          );
          const old = both((v) => f.let(tops[v]!));
          const stop = f.let(i32.add(scores, i32.mul(count, STEP)));
          f.for(
            { from: scores, to: stop, step: STEP },
            (at) =>
              tops.forEach((top, v) => {
                const score = f.let(v128.load(at, 16 * v));
                f.set(top, v128.select(score, top, f32x4.gt(score, top)));
              }),
          );
          // Weights are relative to a whole power of two, so that results do
          // not depend on where a block begins: all changes of it are exact.
          tops.forEach((top, v) => {
            f.set(top, f32x4.ceil(top));
            const decay = f.let(
              scaled(f, f32x4.splat(1), f32x4.sub(old[v]!, top)),
            );
            f.set(totals[v]!, f32x4.mul(totals[v]!, decay));
            f.store(factors, decay, 16 * v);
          });
          f.for(
            { from: scores, to: stop, step: STEP },
            (at) =>
              tops.forEach((top, v) => {
                const weight = exp2(f, v128.load(at, 16 * v), top);
                f.set(totals[v]!, f32x4.add(totals[v]!, weight));
                f.store(at, weight, 16 * v);
              }),
          );
          const values = rowsAt(f, buffers.kv, start, kvStride, v);
          accumulate(f, values, {
            headWidth,
            count,
            weights: scores,
            sums,
            decay: factors,
          });
        });
        const lse = f.let(
          element(buffers.lse, i32.add(i32.mul(head, queries), first)),
        );
        totals.forEach((total, v) => {
          const seen = f.let(f32x4.ne(total, f32x4.splat(0)));
          const share = f32x4.div(f32x4.splat(1), total);
          f.store(factors, v128.and(share, seen), 16 * v);
          const log = f32x4.madd(
            f32x4.splat(Math.LN2),
            tops[v]!,
            logarithm(f, total),
          );
          storeLanes(f, lse, v128.and(log, seen), { v, size });
        });
        const out = rowsAt(f, buffers.out, first, width, column);
        unload(f, out, { headWidth, size, sums, factors });
      });
    },
  };
}

/** Form of `attentionGradQKernel`. An item is a tile of queries of a head. */
export function attentionGradQSimd(
  headWidth: number,
): SimdForm<AttentionSize, AttentionGradQBuffer> {
  const scale = 1 / Math.sqrt(headWidth);
  const packed = packedBytes(headWidth);
  const sumBytes = sumsBytes(headWidth);
  return {
    items: ({ queries, heads }) => heads * tilesOf(queries),
    grain: ({ queries, heads, pairs }) =>
      grainOf(3 * headWidth * pairs * heads, heads * tilesOf(queries)),
    scratch: () => 3 * packed + sumBytes + 2 * SCORES + STEP,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, heads, qStride, kvStride, kOffset } = sizes;
      const q = scratch;
      const g = f.let(i32.add(q, packed));
      const out = f.let(i32.add(g, packed));
      const sums = f.let(i32.add(out, packed));
      const weights = f.let(i32.add(sums, sumBytes));
      const slopes = f.let(i32.add(weights, SCORES));
      const factors = f.let(i32.add(slopes, SCORES));
      const width = f.let(i32.mul(heads, headWidth));
      f.store(factors, f32x4.splat(scale));
      f.store(factors, f32x4.splat(scale), 16);
      forTiles(f, { begin, end, own: queries }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const load = (
          rows: Rows,
          target: I32,
          factor: number,
        ): void => pack(f, rows, { headWidth, size, factor, target });
        load(rowsAt(f, buffers.q, first, qStride, column), q, scale * LOG2E);
        load(rowsAt(f, buffers.g, first, width, column), g, 1);
        load(rowsAt(f, buffers.out, first, width, column), out, 1);
        clear(f, sums, headWidth);
        const inner = both(() => f.let(f32x4.splat(0)));
        f.for(
          { from: 0, to: STEP * headWidth, step: STEP },
          (at) =>
            inner.forEach((sum, v) => {
              const a = v128.load(i32.add(g, at), 16 * v);
              const b = v128.load(i32.add(out, at), 16 * v);
              f.set(sum, f32x4.madd(a, b, sum));
            }),
        );
        const row = f.let(i32.add(i32.mul(head, queries), first));
        const norms = logsAt(f, element(buffers.lse, row));
        const delta = f.let(element(buffers.delta, row));
        inner.forEach((sum, v) => storeLanes(f, delta, sum, { v, size }));
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const keys = rowsAt(f, buffers.kv, start, kvStride, k);
          const values = rowsAt(f, buffers.kv, start, kvStride, v);
          multiply(f, keys, { headWidth, count, packed: q, target: weights });
          multiply(f, values, { headWidth, count, packed: g, target: slopes });
          f.if(
            whole,
            () => {},
            () => hide(f, { ends, first: start, count, scores: weights }),
          );
          differentiate(
            f,
            { weights, slopes, count },
            () => ({ norms, inner }),
          );
          accumulate(f, keys, { headWidth, count, weights: slopes, sums });
        });
        const dq = rowsAt(f, buffers.dq, first, qStride, column);
        unload(f, dq, { headWidth, size, sums, factors });
      });
    },
  };
}

/** Form of `attentionGradKvKernel`. An item is a tile of keys of a head. */
export function attentionGradKvSimd(
  headWidth: number,
): SimdForm<AttentionGradKvSize, AttentionGradKvBuffer> {
  const scale = 1 / Math.sqrt(headWidth);
  const packed = packedBytes(headWidth);
  const sumBytes = sumsBytes(headWidth);
  return {
    items: ({ keys, heads }) => heads * tilesOf(keys),
    grain: ({ keys, heads, pairs }) =>
      grainOf(4 * headWidth * pairs * heads, heads * tilesOf(keys)),
    scratch: () => 2 * (packed + sumBytes + SCORES + STEP),
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, keys, heads, qStride, kvStride, kOffset } = sizes;
      const keyTile = scratch;
      const valueTile = f.let(i32.add(keyTile, packed));
      const dk = f.let(i32.add(valueTile, packed));
      const dv = f.let(i32.add(dk, sumBytes));
      const weights = f.let(i32.add(dv, sumBytes));
      const slopes = f.let(i32.add(weights, SCORES));
      const ones = f.let(i32.add(slopes, SCORES));
      const factors = f.let(i32.add(ones, STEP));
      const width = f.let(i32.mul(heads, headWidth));
      for (const at of [0, 16]) {
        f.store(ones, f32x4.splat(1), at);
        f.store(factors, f32x4.splat(scale), at);
      }
      forTiles(f, { begin, end, own: keys }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const load = (column: I32, target: I32, factor: number): void =>
          pack(f, rowsAt(f, buffers.kv, first, kvStride, column), {
            headWidth,
            size,
            factor,
            target,
          });
        load(k, keyTile, scale * LOG2E);
        load(v, valueTile, 1);
        clear(f, dk, headWidth);
        clear(f, dv, headWidth);
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const q = rowsAt(f, buffers.q, start, qStride, column);
          const g = rowsAt(f, buffers.g, start, width, column);
          const tiles = { headWidth, count };
          multiply(f, q, { ...tiles, packed: keyTile, target: weights });
          multiply(f, g, { ...tiles, packed: valueTile, target: slopes });
          f.if(
            whole,
            () => {},
            () => hide(f, { ends, first: start, count, scores: weights }),
          );
          const row = i32.add(i32.mul(head, queries), start);
          const lse = f.let(element(buffers.lse, row));
          const delta = f.let(element(buffers.delta, row));
          differentiate(f, { weights, slopes, count }, () => {
            const norm = f.let(
              f32x4.mul(v128.loadSplat(lse), f32x4.splat(LOG2E)),
            );
            const sum = f.let(v128.loadSplat(delta));
            f.set(lse, i32.add(lse, 4));
            f.set(delta, i32.add(delta, 4));
            return { norms: [norm, norm], inner: [sum, sum] };
          });
          accumulate(f, g, { headWidth, count, weights, sums: dv });
          accumulate(f, q, { headWidth, count, weights: slopes, sums: dk });
        });
        const keyRows = rowsAt(f, buffers.dkv, first, kvStride, k);
        const valueRows = rowsAt(f, buffers.dkv, first, kvStride, v);
        unload(f, keyRows, { headWidth, size, sums: dk, factors });
        unload(f, valueRows, { headWidth, size, sums: dv, factors: ones });
      });
    },
  };
}

function tilesOf(rows: number): number {
  return Math.ceil(rows / LANES);
}

/** Items worth a fork, when all of them take `work` multiply-adds. */
function grainOf(work: number, items: number): number {
  return Math.ceil(FORK * items / (work + 1));
}

/** Address of a number in a buffer. */
function element(buffer: I32, index: I32): I32 {
  return i32.add(buffer, i32.shl(index, 2));
}

/** The rows of a matrix from `first` on, at `column`; `stride` in numbers. */
function rowsAt(
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
function both(make: (v: number) => Local<"v128">): Lanes {
  return [make(0), make(1)];
}

/** Runs `body` for tile by tile of all heads. */
function forTiles(
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
function forBlocks(
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

/** Scores to weights, and gradients of weights to gradients of scores. */
function differentiate(
  f: FunctionBuilder,
  { weights, slopes, count }: {
    readonly weights: I32;
    readonly slopes: I32;
    readonly count: I32;
  },
  next: () => { readonly norms: Lanes; readonly inner: Lanes },
): void {
  const zero = f.let(f32x4.splat(0));
  const apart = f.let(i32.sub(slopes, weights));
  const stop = f.let(i32.add(weights, i32.mul(count, STEP)));
  f.for({ from: weights, to: stop, step: STEP }, (at) => {
    const slope = f.let(i32.add(at, apart));
    const { norms, inner } = next();
    norms.forEach((norm, v) => {
      const score = f32x4.sub(v128.load(at, 16 * v), norm);
      const weight = exp2(f, score, zero);
      const gap = f32x4.sub(v128.load(slope, 16 * v), inner[v]!);
      f.store(at, weight, 16 * v);
      f.store(slope, f32x4.mul(weight, gap), 16 * v);
    });
  });
}

/** The saved logarithms of all lanes, to base 2. */
function logsAt(f: FunctionBuilder, address: I32): Lanes {
  const lanes = lanesAt(f, address);
  return both((v) => f.let(f32x4.mul(lanes[v]!, f32x4.splat(LOG2E))));
}

/** Writes those of four lanes that have a row. */
function storeLanes(
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

/** x 2^n for whole n <= 127, with 0 for what is smaller than a normal number. */
function scaled(f: FunctionBuilder, x: V128, n: V128): V128 {
  const biased = f.let(f32x4.add(n, f32x4.splat(127)));
  const held = f32x4.gt(biased, f32x4.splat(0));
  const bits = i32x4.shl(i32x4.truncate(v128.and(biased, held)), 23);
  return f32x4.mul(x, bits);
}

/** 2^(x - base) for whole `base`: exactly 2^x over 2^base. */
function exp2(f: FunctionBuilder, x: V128, base: V128): Local<"v128"> {
  const value = f.let(x);
  const whole = f.let(f32x4.nearest(value));
  const rest = f.let(f32x4.sub(value, whole));
  // Taylor series of 2^r for |r| <= 1/2; the first term left out is < 1e-8.
  return f.let(
    scaled(
      f,
      polynomial(rest, powers(8, (i) => Math.LN2 ** i / factorial(i))),
      f32x4.sub(whole, base),
    ),
  );
}

/** Natural logarithm of a positive number. */
function logarithm(f: FunctionBuilder, x: V128): V128 {
  const bits = f.let(x);
  // x = m 2^n with m between sqrt(1/2) and sqrt(2).
  const offset = f.let(i32x4.sub(bits, i32x4.splat(0x3f3504f3)));
  const n = f32x4.convert(i32x4.shrS(offset, 23));
  const m = f.let(
    i32x4.add(
      v128.and(offset, i32x4.splat(0x7fffff)),
      i32x4.splat(0x3f3504f3),
    ),
  );
  const one = f32x4.splat(1);
  const s = f.let(f32x4.div(f32x4.sub(m, one), f32x4.add(m, one)));
  // ln m = 2 artanh s = 2 s (1 + s^2/3 + s^4/5 + ...), |s| < 0.172.
  const square = f.let(f32x4.mul(s, s));
  const series = polynomial(square, powers(5, (i) => 2 / (2 * i + 1)));
  return f32x4.madd(n, f32x4.splat(Math.LN2), f32x4.mul(s, series));
}

/** Σ_i coefficients_i x^i by Horner's rule. */
function polynomial(x: V128, coefficients: readonly number[]): V128 {
  return coefficients.map((c) => f32x4.splat(c)).reduceRight((sum, c) =>
    f32x4.madd(sum, x, c)
  );
}

function powers(count: number, coefficient: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => coefficient(i));
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}
