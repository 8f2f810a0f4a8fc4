import { sumRows } from "./row_sum_simd.ts";
import { element, forLanes, grainOf, rowOf } from "./rows_simd.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32, f32x4, i32, i32x4, v128 } from "./wasm/instructions.ts";

/** Form of a `SegmentExtremeKernel`: the largest, or the smallest elements. */
export function segmentExtremeSimd(
  sign: ">" | "<",
): SimdForm<"segments" | "cols", "x" | "starts" | "ends" | "out" | "chosen"> {
  const worse = sign === ">" ? f32x4.le : f32x4.ge;
  const worst = sign === ">" ? -Infinity : Infinity;
  return {
    items: ({ segments }) => segments,
    grain: ({ cols }) => grainOf(cols, 1),
    emit(f, { begin, end, buffers, sizes: { cols } }): void {
      f.for({ from: begin, to: end }, (segment) => {
        const start = f.let(i32.load(element(buffers.starts, segment)));
        const stop = f.let(i32.load(element(buffers.ends, segment)));
        const out = rowOf(f, buffers.out, segment, cols);
        const chosen = rowOf(f, buffers.chosen, segment, cols);
        const rows = rowOf(f, buffers.x, start, cols);
        const bytes = f.let(i32.shl(cols, 2));
        f.if(i32.ltU(start, stop), () => {
          forLanes(f, cols, ({ load, store }) => {
            const best = f.let(f32x4.splat(worst));
            const place = f.let(i32x4.splat(start));
            const x = f.let(rows);
            f.for({ from: start, to: stop }, (row) => {
              const value = load(x);
              // NaN is not worse, and nothing is better than NaN.
              const number = f32x4.eq(best, best);
              const mask = f.let(v128.andnot(number, worse(value, best)));
              f.set(best, v128.select(value, best, mask));
              f.set(place, v128.select(i32x4.splat(row), place, mask));
              f.set(x, i32.add(x, bytes));
            });
            store(out, best);
            store(chosen, place);
          });
        }, () => {
          forLanes(f, cols, ({ store }) => {
            store(out, f32x4.splat(0));
            store(chosen, i32x4.splat(-1));
          });
        });
      });
    },
  };
}

/** Form of `segmentExtremeGradKernel`. */
export const segmentExtremeGradSimd: SimdForm<
  "rows" | "segments" | "cols",
  "g" | "chosen" | "ids" | "dx"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.2),
  emit(f, { begin, end, buffers, sizes: { segments, cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const segment = f.let(i32.load(element(buffers.ids, row)));
      const dx = rowOf(f, buffers.dx, row, cols);
      f.if(i32.ltU(segment, segments), () => {
        const g = rowOf(f, buffers.g, segment, cols);
        const chosen = rowOf(f, buffers.chosen, segment, cols);
        const own = f.let(i32x4.splat(row));
        forLanes(f, cols, ({ load, store }) => {
          store(dx, v128.and(load(g), i32x4.eq(load(chosen), own)));
        });
      }, () => {
        forLanes(f, cols, ({ store }) => store(dx, f32x4.splat(0)));
      });
    });
  },
};

/** Form of `segmentSumKernel`. */
export const segmentSumSimd: SimdForm<
  "segments" | "cols" | "mean",
  "x" | "starts" | "ends" | "out"
> = {
  items: ({ segments }) => segments,
  grain: ({ cols }) => grainOf(cols, 1),
  emit(f, { begin, end, buffers, sizes: { cols, mean } }): void {
    f.for({ from: begin, to: end }, (segment) => {
      const from = f.let(i32.load(element(buffers.starts, segment)));
      const to = f.let(i32.load(element(buffers.ends, segment)));
      const length = f.let(i32.sub(to, from));
      const divides = i32.and(i32.eq(mean, 1), i32.ne(length, 0));
      const count = f.let(
        f32x4.splat(f32.convert(i32.select(length, 1, divides))),
      );
      sumRows(f, {
        cols,
        from,
        to,
        row: (row) => element(buffers.x, i32.mul(row, cols)),
        out: rowOf(f, buffers.out, segment, cols),
        finish: (sum) => f32x4.div(sum, count),
      });
    });
  },
};

/** Form of `segmentSpreadKernel`. */
export const segmentSpreadSimd: SimdForm<
  "rows" | "segments" | "cols" | "mean",
  "x" | "ids" | "starts" | "ends" | "out"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.3),
  emit(f, { begin, end, buffers, sizes: { segments, cols, mean } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const segment = f.let(i32.load(element(buffers.ids, row)));
      const out = rowOf(f, buffers.out, row, cols);
      f.if(i32.ltU(segment, segments), () => {
        const x = rowOf(f, buffers.x, segment, cols);
        const length = i32.sub(
          i32.load(element(buffers.ends, segment)),
          i32.load(element(buffers.starts, segment)),
        );
        const divisor = i32.select(length, 1, i32.eq(mean, 1));
        const count = f.let(f32x4.splat(f32.convert(divisor)));
        forLanes(f, cols, ({ load, store }) => {
          store(out, f32x4.div(load(x), count));
        });
      }, () => {
        forLanes(f, cols, ({ store }) => store(out, f32x4.splat(0)));
      });
    });
  },
};
