import {
  accumulate,
  both,
  clear,
  forBlocks,
  forTiles,
  grainOf,
  hide,
  type Lanes,
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
import type {
  AttentionGradKvBuffer,
  AttentionGradKvSize,
  AttentionGradQBuffer,
  AttentionSize,
} from "./attention_layout.ts";
import { exp2 } from "./exp2_simd.ts";
import { element } from "./rows_simd.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, type I32, i32, v128 } from "./wasm/instructions.ts";

/** Form of `attentionGradQKernel`. An item is a tile of queries of a head. */
export function attentionGradQSimd(
  headWidth: number,
): SimdForm<AttentionSize, AttentionGradQBuffer> {
  const scale = 1 / Math.sqrt(headWidth);
  const packed = packedBytes(headWidth);
  return {
    items: ({ queries, heads }) => heads * tilesOf(queries),
    grain: ({ queries, pairs }) =>
      grainOf(3 * headWidth * pairs, tilesOf(queries)),
    scratch: () => 4 * packed + 2 * SCORES,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, heads, qStride, kvStride, kOffset } = sizes;
      const q = scratch;
      const g = f.let(i32.add(q, packed));
      const out = f.let(i32.add(g, packed));
      const sums = f.let(i32.add(out, packed));
      const weights = f.let(i32.add(sums, packed));
      const slopes = f.let(i32.add(weights, SCORES));
      const width = f.let(i32.mul(heads, headWidth));
      const factors = both(() => f.let(f.constant(scale)));
      forTiles(f, { begin, end, own: queries }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const queryRows = rowsAt(f, buffers.q, first, qStride, column);
        const gRows = rowsAt(f, buffers.g, first, width, column);
        const outRows = rowsAt(f, buffers.out, first, width, column);
        const factor = scale * Math.LOG2E;
        pack(f, queryRows, { headWidth, size, factor, target: q });
        pack(f, gRows, { headWidth, size, factor: 1, target: g });
        pack(f, outRows, { headWidth, size, factor: 1, target: out });
        clear(f, sums, headWidth);
        const inner = both(() => f.let(f.constant(0)));
        f.for({ from: 0, to: STEP * headWidth, step: STEP }, (at) => {
          inner.forEach((sum, v) => {
            const a = v128.load(i32.add(g, at), 16 * v);
            const b = v128.load(i32.add(out, at), 16 * v);
            f.set(sum, f32x4.madd(a, b, sum));
          });
        });
        const row = f.let(i32.add(i32.mul(head, queries), first));
        const lse = f.let(element(buffers.lse, row));
        const norms = both((v) => {
          const norm = v128.load(lse, 16 * v);
          return f.let(f32x4.mul(norm, f.constant(Math.LOG2E)));
        });
        const delta = f.let(element(buffers.delta, row));
        inner.forEach((sum, v) => storeLanes(f, delta, sum, { v, size }));
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const keys = rowsAt(f, buffers.kv, start, kvStride, k);
          const values = rowsAt(f, buffers.kv, start, kvStride, v);
          multiply(f, keys, { headWidth, count, packed: q, target: weights });
          multiply(f, values, { headWidth, count, packed: g, target: slopes });
          f.if(
            i32.eq(whole, 0),
            () => hide(f, { ends, start, count, scores: weights }),
          );
          const lanes = { norms, inner };
          differentiate(f, { weights, slopes, count }, () => lanes);
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
  return {
    items: ({ keys, heads }) => heads * tilesOf(keys),
    grain: ({ keys, pairs }) => grainOf(4 * headWidth * pairs, tilesOf(keys)),
    scratch: () => 2 * (2 * packed + SCORES),
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { queries, keys, heads, qStride, kvStride, kOffset } = sizes;
      const keyTile = scratch;
      const valueTile = f.let(i32.add(keyTile, packed));
      const dk = f.let(i32.add(valueTile, packed));
      const dv = f.let(i32.add(dk, packed));
      const weights = f.let(i32.add(dv, packed));
      const slopes = f.let(i32.add(weights, SCORES));
      const width = f.let(i32.mul(heads, headWidth));
      const factors = both(() => f.let(f.constant(scale)));
      const ones = both(() => f.let(f.constant(1)));
      forTiles(f, { begin, end, own: keys }, ({ head, first, size }) => {
        const column = f.let(i32.mul(head, headWidth));
        const k = f.let(i32.add(kOffset, column));
        const v = f.let(i32.add(k, width));
        const keyRows = rowsAt(f, buffers.kv, first, kvStride, k);
        const valueRows = rowsAt(f, buffers.kv, first, kvStride, v);
        const factor = scale * Math.LOG2E;
        pack(f, keyRows, { headWidth, size, factor, target: keyTile });
        pack(f, valueRows, { headWidth, size, factor: 1, target: valueTile });
        clear(f, dk, headWidth);
        clear(f, dv, headWidth);
        const ends = f.let(element(buffers.ends, i32.shl(first, 1)));
        forBlocks(f, { ends, size }, ({ start, count, whole }) => {
          const q = rowsAt(f, buffers.q, start, qStride, column);
          const g = rowsAt(f, buffers.g, start, width, column);
          const block = { headWidth, count };
          multiply(f, q, { ...block, packed: keyTile, target: weights });
          multiply(f, g, { ...block, packed: valueTile, target: slopes });
          f.if(
            i32.eq(whole, 0),
            () => hide(f, { ends, start, count, scores: weights }),
          );
          const row = f.let(i32.add(i32.mul(head, queries), start));
          const lse = f.let(element(buffers.lse, row));
          const delta = f.let(element(buffers.delta, row));
          differentiate(f, { weights, slopes, count }, () => {
            const norm = f.let(
              f32x4.mul(v128.loadSplat(lse), f.constant(Math.LOG2E)),
            );
            const sum = f.let(v128.loadSplat(delta));
            f.set(lse, i32.add(lse, 4));
            f.set(delta, i32.add(delta, 4));
            return { norms: [norm, norm], inner: [sum, sum] };
          });
          accumulate(f, g, { headWidth, count, weights, sums: dv });
          accumulate(f, q, { headWidth, count, weights: slopes, sums: dk });
        });
        const dkRows = rowsAt(f, buffers.dkv, first, kvStride, k);
        const dvRows = rowsAt(f, buffers.dkv, first, kvStride, v);
        unload(f, dkRows, { headWidth, size, sums: dk, factors });
        unload(f, dvRows, { headWidth, size, sums: dv, factors: ones });
      });
    },
  };
}

/**
 * Scores to weights, and gradients of weights to gradients of scores; `next`
 * gives what to subtract from either in the next row.
 */
function differentiate(
  f: FunctionBuilder,
  { weights, slopes, count }: {
    readonly weights: I32;
    readonly slopes: I32;
    readonly count: I32;
  },
  next: () => { readonly norms: Lanes; readonly inner: Lanes },
): void {
  const apart = f.let(i32.sub(slopes, weights));
  const stop = f.let(i32.add(weights, i32.mul(count, STEP)));
  f.for({ from: weights, to: stop, step: STEP }, (at) => {
    const slope = f.let(i32.add(at, apart));
    const { norms, inner } = next();
    norms.forEach((norm, v) => {
      const score = f32x4.sub(v128.load(at, 16 * v), norm);
      const weight = exp2(f, score, f.constant(0));
      const gap = f32x4.sub(v128.load(slope, 16 * v), inner[v]!);
      f.store(at, weight, 16 * v);
      f.store(slope, f32x4.mul(weight, gap), 16 * v);
    });
  });
}
