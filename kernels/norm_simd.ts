import {
  add,
  element,
  forLanes,
  grainOf,
  lanesSum,
  least,
  rowOf,
  zeros,
} from "./rows_simd.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import { type F32, f32, f32x4, type I32, i32 } from "./wasm/instructions.ts";

/** Form of `rmsNormKernel`. */
export const rmsNormSimd: SimdForm<
  "rows" | "cols" | "eps",
  "x" | "gain" | "out" | "rstd"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.7),
  emit(f, { begin, end, buffers, sizes: { cols }, fractions: { eps } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const x = rowOf(f, buffers.x, row, cols);
      const out = rowOf(f, buffers.out, row, cols);
      const squares = zeros(f);
      forLanes(f, cols, ({ load }) => {
        const value = load(x);
        f.set(squares, f32x4.madd(value, value, squares));
      });
      const scale = rootOf(f, f32.add(meanOf(f, squares, cols), eps));
      f.store(element(buffers.rstd, row), scale);
      const factor = f.let(f32x4.splat(scale));
      forLanes(f, cols, ({ load, store }) => {
        const normal = f32x4.mul(load(x), factor);
        store(out, f32x4.mul(normal, load(buffers.gain)));
      });
    });
  },
};

/** Form of a `RmsNormGradKernel`; `based` says whether it reads `base`. */
export function rmsNormGradSimd(based: boolean): SimdForm<
  "rows" | "cols" | "block",
  "x" | "gain" | "rstd" | "g" | "base" | "dx" | "dgains"
> {
  return {
    items: ({ rows, block }) => Math.ceil(rows / block),
    grain: ({ cols, block }) => grainOf(block * cols, 1),
    emit(f, { begin, end, buffers, sizes: { rows, cols, block } }): void {
      f.for({ from: begin, to: end }, (item) => {
        const dgain = rowOf(f, buffers.dgains, item, cols);
        forLanes(f, cols, ({ store }) => store(dgain, f32x4.splat(0)));
        forBlock(f, { item, block, rows }, (row) => {
          const x = rowOf(f, buffers.x, row, cols);
          const g = rowOf(f, buffers.g, row, cols);
          const dx = rowOf(f, buffers.dx, row, cols);
          const base = based && rowOf(f, buffers.base, row, cols);
          const products = zeros(f);
          forLanes(f, cols, ({ load }) => {
            const own = f32x4.mul(load(g), load(buffers.gain));
            f.set(products, f32x4.madd(own, load(x), products));
          });
          const scale = f.let(f32.load(element(buffers.rstd, row)));
          const factor = f.let(f32x4.splat(scale));
          const inner = f.let(f32x4.splat(
            f32.mul(meanOf(f, products, cols), f32.mul(scale, scale)),
          ));
          forLanes(f, cols, ({ load, store }) => {
            const own = load(g);
            const value = load(x);
            const direct = f32x4.mul(own, load(buffers.gain));
            const change = f32x4.sub(direct, f32x4.mul(value, inner));
            const grad = f32x4.mul(factor, change);
            store(dx, base ? f32x4.add(load(base), grad) : grad);
            const term = f32x4.mul(f32x4.mul(own, value), factor);
            store(dgain, f32x4.add(load(dgain), term));
          });
        });
      });
    },
  };
}

/** Form of a `LayerNormKernel`; `biased` says whether it reads `bias`. */
export function layerNormSimd(biased: boolean): SimdForm<
  "rows" | "cols" | "eps",
  "x" | "gain" | "bias" | "out" | "stats"
> {
  return {
    items: ({ rows }) => rows,
    grain: ({ cols }) => grainOf(cols, 1),
    emit(f, { begin, end, buffers, sizes: { cols }, fractions }): void {
      f.for({ from: begin, to: end }, (row) => {
        const x = rowOf(f, buffers.x, row, cols);
        const out = rowOf(f, buffers.out, row, cols);
        const sum = zeros(f);
        forLanes(f, cols, ({ load }) => add(f, sum, load(x)));
        const mean = meanOf(f, sum, cols);
        const shift = f.let(f32x4.splat(mean));
        const squares = zeros(f);
        forLanes(f, cols, ({ load, within }) => {
          const d = f.let(within(f32x4.sub(load(x), shift), 0));
          f.set(squares, f32x4.madd(d, d, squares));
        });
        const variance = meanOf(f, squares, cols);
        const scale = rootOf(f, f32.add(variance, fractions.eps));
        const stats = f.let(element(buffers.stats, i32.shl(row, 1)));
        f.store(stats, mean);
        f.store(stats, scale, 4);
        const factor = f.let(f32x4.splat(scale));
        forLanes(f, cols, ({ load, store }) => {
          const normal = f32x4.mul(f32x4.sub(load(x), shift), factor);
          const scaled = f32x4.mul(normal, load(buffers.gain));
          store(out, biased ? f32x4.add(scaled, load(buffers.bias)) : scaled);
        });
      });
    },
  };
}

/** Form of a `LayerNormGradKernel`; `based` says whether it reads `base`. */
export function layerNormGradSimd(based: boolean): SimdForm<
  "rows" | "cols" | "block",
  "x" | "gain" | "stats" | "g" | "base" | "dx" | "dgains" | "dbiases"
> {
  return {
    items: ({ rows, block }) => Math.ceil(rows / block),
    grain: ({ cols, block }) => grainOf(block * cols, 1),
    emit(f, { begin, end, buffers, sizes: { rows, cols, block } }): void {
      f.for({ from: begin, to: end }, (item) => {
        const dgain = rowOf(f, buffers.dgains, item, cols);
        const dbias = rowOf(f, buffers.dbiases, item, cols);
        forLanes(f, cols, ({ store }) => {
          store(dgain, f32x4.splat(0));
          store(dbias, f32x4.splat(0));
        });
        forBlock(f, { item, block, rows }, (row) => {
          const x = rowOf(f, buffers.x, row, cols);
          const g = rowOf(f, buffers.g, row, cols);
          const dx = rowOf(f, buffers.dx, row, cols);
          const base = based && rowOf(f, buffers.base, row, cols);
          const stats = f.let(element(buffers.stats, i32.shl(row, 1)));
          const mean = f.let(f32x4.splat(f32.load(stats)));
          const scale = f.let(f32.load(stats, 4));
          const sum = zeros(f);
          const products = zeros(f);
          forLanes(f, cols, ({ load }) => {
            const own = f.let(f32x4.mul(load(g), load(buffers.gain)));
            add(f, sum, own);
            const d = f32x4.sub(load(x), mean);
            f.set(products, f32x4.madd(own, d, products));
          });
          const factor = f.let(f32x4.splat(scale));
          const shift = f.let(f32x4.splat(meanOf(f, sum, cols)));
          const slope = f.let(f32x4.splat(
            f32.mul(meanOf(f, products, cols), f32.mul(scale, scale)),
          ));
          forLanes(f, cols, ({ load, store }) => {
            const own = load(g);
            const d = f.let(f32x4.sub(load(x), mean));
            const direct = f32x4.mul(own, load(buffers.gain));
            const change = f32x4.sub(
              f32x4.sub(direct, shift),
              f32x4.mul(d, slope),
            );
            const grad = f32x4.mul(factor, change);
            store(dx, base ? f32x4.add(load(base), grad) : grad);
            const term = f32x4.mul(f32x4.mul(own, d), factor);
            store(dgain, f32x4.add(load(dgain), term));
            store(dbias, f32x4.add(load(dbias), own));
          });
        });
      });
    },
  };
}

/** Runs `body` for the rows of a block. */
function forBlock(
  f: FunctionBuilder,
  { item, block, rows }: {
    readonly item: I32;
    readonly block: I32;
    readonly rows: I32;
  },
  body: (row: Local<"i32">) => void,
): void {
  const first = f.let(i32.mul(item, block));
  const end = least(f, i32.add(first, block), rows);
  f.for({ from: first, to: end }, body);
}

/** Sum of all lanes, divided by `count`. */
function meanOf(
  f: FunctionBuilder,
  sums: Local<"v128">,
  count: I32,
): Local<"f32"> {
  return f.let(f32.div(lanesSum(f, sums), f32.convert(count)));
}

/** 1 / √value */
function rootOf(f: FunctionBuilder, value: F32): Local<"f32"> {
  return f.let(f32.div(1, f32.sqrt(value)));
}
