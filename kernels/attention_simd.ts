import type { AttentionBuffer, AttentionSize } from "./attention_layout.ts";
import {
  accumulate,
  both,
  clear,
  forBlocks,
  forTiles,
  grainOf,
  hide,
  type Lanes,
  LOWEST,
  multiply,
  pack,
  packedBytes,
  rowsAt,
  SCORES,
  STEP,
  storeLanes,
  tilesOf,
  unload,
} from "./attention_tile.ts";
import { exp2 } from "./exp2_simd.ts";
import { element } from "./rows_simd.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, type I32, i32, v128 } from "./wasm/instructions.ts";
import { log } from "./wasm/math.ts";

/** Form of `attentionKernel`. An item is a tile of queries of one head. */
export function attentionSimd(
  headWidth: number,
): SimdForm<AttentionSize, AttentionBuffer> {
  // The softmax is one of powers of two: exp s = 2^(s log2 e).
  const scale = Math.LOG2E / Math.sqrt(headWidth);
  const packed = packedBytes(headWidth);
  return {
    items: ({ queries, heads }) => heads * tilesOf(queries),
    grain: ({ queries, pairs }) =>
      grainOf(2 * headWidth * pairs, tilesOf(queries)),
    scratch: () => 2 * packed + SCORES,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, heads, qStride, kvStride, kOffset } = sizes;
      const q = scratch;
      const sums = f.let(i32.add(q, packed));
      const scores = f.let(i32.add(sums, packed));
      const width = f.let(i32.mul(heads, headWidth));
      forTiles(f, { begin, end, own: queries }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const own = rowsAt(f, buffers.q, first, qStride, column);
        pack(f, own, { headWidth, size, factor: scale, target: q });
        clear(f, sums, headWidth);
        const tops = both(() => f.let(f.constant(LOWEST)));
        const totals = both(() => f.let(f.constant(0)));
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const keys = rowsAt(f, buffers.kv, start, kvStride, k);
          const values = rowsAt(f, buffers.kv, start, kvStride, v);
          multiply(f, keys, { headWidth, count, packed: q, target: scores });
          f.if(i32.eq(whole, 0), () => hide(f, { ends, start, count, scores }));
          const decay = weigh(f, { scores, count, tops, totals });
          const weights = scores;
          accumulate(f, values, { headWidth, count, weights, sums, decay });
        });
        const row = i32.add(i32.mul(head, queries), first);
        const lse = f.let(element(buffers.lse, row));
        const factors = both((v) => {
          const seen = f.let(f32x4.ne(totals[v]!, f.constant(0)));
          const rest = log(f, totals[v]!);
          const sum = f32x4.madd(f.constant(Math.LN2), tops[v]!, rest);
          storeLanes(f, lse, v128.and(sum, seen), { v, size });
          return f.let(v128.and(f32x4.div(f.constant(1), totals[v]!), seen));
        });
        const out = rowsAt(f, buffers.out, first, width, column);
        unload(f, out, { headWidth, size, sums, factors });
      });
    },
  };
}

/**
 * Scores to weights, which are added to `totals`; gives what the earlier
 * totals and sums were multiplied by, or are to be.
 *
 * Weights are relative to a whole power of two, `tops`. So whenever it grows,
 * everything is scaled exactly, and no result depends on where blocks begin.
 */
function weigh(
  f: FunctionBuilder,
  { scores, count, tops, totals }: {
    readonly scores: I32;
    readonly count: I32;
    readonly tops: Lanes;
    readonly totals: Lanes;
  },
): Lanes {
  const stop = f.let(i32.add(scores, i32.mul(count, STEP)));
  const old = both((v) => f.let(tops[v]!));
  f.for({ from: scores, to: stop, step: STEP }, (at) => {
    tops.forEach((top, v) =>
      f.set(top, f32x4.pmax(top, v128.load(at, 16 * v)))
    );
  });
  const decay = both((v) => {
    f.set(tops[v]!, f32x4.ceil(tops[v]!));
    const factor = exp2(f, f32x4.sub(old[v]!, tops[v]!), f.constant(0));
    f.set(totals[v]!, f32x4.mul(totals[v]!, factor));
    return factor;
  });
  f.for({ from: scores, to: stop, step: STEP }, (at) => {
    totals.forEach((total, v) => {
      const weight = exp2(f, v128.load(at, 16 * v), tops[v]!);
      f.set(total, f32x4.add(total, weight));
      f.store(at, weight, 16 * v);
    });
  });
  return decay;
}
