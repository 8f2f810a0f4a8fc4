import type { AttentionBuffer, AttentionSize } from "./attention_layout.ts";
import {
  BLOCK,
  forBlocks,
  grainOf,
  LOWEST,
  type Rows,
  rowsAt,
  UNSEEN,
} from "./attention_tile.ts";
import { exp2 } from "./exp2_simd.ts";
import { element, lanesMax, least } from "./rows_simd.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, type I32, i32, v128 } from "./wasm/instructions.ts";
import { log } from "./wasm/math.ts";
import { LINES, multiplyLines } from "./wasm/matvec.ts";

/** Vectors of a head that are summed together. */
const VECTORS = 8;
/** Bytes of the scores of a block, and of as many as fill up the last lines. */
const SCORES = 4 * (BLOCK + LINES);

/**
 * Form of `attentionKernel` for few queries: lanes are keys, then columns.
 * Gives the same bits as `attentionSimd`, as additions have the same order.
 *
 * An item is a query of one head.
 */
export function attentionRowSimd(
  headWidth: number,
): SimdForm<AttentionSize, AttentionBuffer> {
  const scale = Math.LOG2E / Math.sqrt(headWidth);
  const bytes = 16 * Math.ceil(headWidth / 4);
  return {
    items: ({ queries, heads }) => heads * queries,
    grain: ({ queries, pairs }) => grainOf(4 * headWidth * pairs, queries),
    scratch: () => SCORES + 2 * bytes + 16,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, heads, qStride, kvStride, kOffset } = sizes;
      const scores = scratch;
      const own = f.let(i32.add(scores, SCORES));
      const sums = f.let(i32.add(own, bytes));
      const touched = f.let(i32.add(sums, bytes));
      const width = f.let(i32.mul(heads, headWidth));
      f.for({ from: begin, to: end }, (item) => {
        const head = f.let(i32.divU(item, queries));
        const query = f.let(i32.remU(item, queries));
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const q = rowsAt(f, buffers.q, query, qStride, column).address;
        f.for({ from: 0, to: bytes, step: 16 }, (at) => {
          const numbers = v128.load(i32.add(q, at));
          const scaled = f32x4.mul(numbers, f.constant(scale));
          f.store(i32.add(own, at), scaled);
          f.store(i32.add(sums, at), f.constant(0));
        });
        const top = f.let(f.constant(LOWEST));
        const total = f.let(f.constant(0));
        const ends = f.let(element(buffers.ends, i32.shl(query, 1)));
        forBlocks(f, { ends, size: i32.const(1) }, ({ start, count }) => {
          const keys = rowsAt(f, buffers.kv, start, kvStride, k);
          const values = rowsAt(f, buffers.kv, start, kvStride, v);
          touch(f, keys, { headWidth, count, target: touched });
          multiply(f, keys, { headWidth, count, own, scores });
          const decay = weigh(f, { scores, count, top, total });
          const weights = scores;
          touch(f, values, { headWidth, count, target: touched });
          accumulate(f, values, { headWidth, count, weights, sums, decay });
        });
        const seen = f.let(f32x4.ne(total, f.constant(0)));
        const row = i32.add(i32.mul(head, queries), query);
        const sum = f32x4.madd(f.constant(Math.LN2), top, log(f, total));
        const lse = f.let(v128.and(sum, seen));
        f.store(element(buffers.lse, row), f32x4.extractLane(lse, 0));
        const share = f32x4.div(f.constant(1), total);
        const factor = f.let(v128.and(share, seen));
        const out = rowsAt(f, buffers.out, query, width, column).address;
        f.for({ from: 0, to: headWidth, step: 4 }, (e) => {
          const at = f.let(i32.shl(e, 2));
          const to = f.let(i32.add(out, at));
          const result = f32x4.mul(factor, v128.load(i32.add(sums, at)));
          f.storeLanes(to, f.let(result), i32.sub(headWidth, e));
        });
      });
    },
  };
}

/**
 * Reads one number of each cache line of `count` rows, so that the processor
 * waits for many lines at once. What it read is stored, or V8 would not read.
 */
function touch(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, target }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly target: I32;
  },
): void {
  const seen = f.let(f.constant(0));
  const row = f.let(address);
  f.for({ from: 0, to: count }, () => {
    for (let at = 0; at < 4 * headWidth; at += 64) {
      f.set(seen, v128.or(seen, v128.load(row, at)));
    }
    f.set(row, i32.add(row, stride));
  });
  f.store(target, seen);
}

/** Scalar products of `count` rows with the vector at `own`, to `scores`. */
function multiply(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, own, scores }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly own: I32;
    readonly scores: I32;
  },
): void {
  const last = f.let(i32.sub(count, 1));
  const [from, to] = [i32.const(0), i32.const(headWidth)];
  f.for({ from: 0, to: count, step: LINES }, (first) => {
    const lines = Array.from({ length: LINES }, (_, l) => {
      const row = least(f, i32.add(first, l), last);
      return f.let(i32.add(address, i32.mul(row, stride)));
    });
    const products = multiplyLines(f, lines, { x: own, from, to });
    const target = f.let(element(scores, first));
    products.forEach((product, v) => f.store(target, product, 16 * v));
  });
}

/**
 * Scores to weights, which are added to `total`; gives what the earlier total
 * was multiplied by. All lanes of these hold the same.
 */
function weigh(
  f: FunctionBuilder,
  { scores, count, top, total }: {
    readonly scores: I32;
    readonly count: I32;
    readonly top: Local<"v128">;
    readonly total: Local<"v128">;
  },
): Local<"v128"> {
  const stop = f.let(element(scores, count));
  f.store(stop, f.constant(UNSEEN));
  const old = f.let(top);
  f.for({ from: scores, to: stop, step: 16 }, (at) => {
    f.set(top, f32x4.pmax(top, v128.load(at)));
  });
  f.set(top, f32x4.ceil(f32x4.splat(lanesMax(f, top))));
  const decay = exp2(f, f32x4.sub(old, top), f.constant(0));
  f.set(total, f32x4.mul(total, decay));
  f.for({ from: scores, to: stop, step: 16 }, (at) => {
    f.store(at, exp2(f, v128.load(at), top));
  });
  f.for({ from: scores, to: stop, step: 4 }, (at) => {
    f.set(total, f32x4.add(total, v128.loadSplat(at)));
  });
  return decay;
}

/** sums = decay sums + Σ_j weights_j rows_j, in the order of j. */
function accumulate(
  f: FunctionBuilder,
  { address, stride }: Rows,
  { headWidth, count, weights, sums, decay }: {
    readonly headWidth: number;
    readonly count: I32;
    readonly weights: I32;
    readonly sums: I32;
    readonly decay: Local<"v128">;
  },
): void {
  const vectors = Math.ceil(headWidth / 4);
  for (let first = 0; first < vectors; first += VECTORS) {
    const places = Array.from(
      { length: Math.min(VECTORS, vectors - first) },
      (_, v) => 16 * (first + v),
    );
    const parts = places.map((place) =>
      f.let(f32x4.mul(decay, v128.load(sums, place)))
    );
    const row = f.let(address);
    const stop = f.let(element(weights, count));
    f.for({ from: weights, to: stop, step: 4 }, (at) => {
      const weight = f.let(v128.loadSplat(at));
      parts.forEach((part, v) =>
        f.set(part, f32x4.madd(v128.load(row, places[v]!), weight, part))
      );
      f.set(row, i32.add(row, stride));
    });
    parts.forEach((part, v) => f.store(sums, part, places[v]!));
  }
}
