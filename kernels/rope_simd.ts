import { element, grainOf, rowOf } from "./rows_simd.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, i32, v128 } from "./wasm/instructions.ts";

/** Form of `ropeKernel`, for whole vectors in a head. */
export const ropeSimd: SimdForm<
  "rows" | "width" | "columns" | "headWidth" | "direction",
  "x" | "table" | "positions" | "out"
> = {
  items: ({ rows }) => rows,
  grain: ({ width }) => grainOf(width, 0.3),
  fits: ({ headWidth }) => headWidth % 4 === 0,
  emit(f, { begin, end, buffers, sizes, fractions }): void {
    const { width, columns, headWidth } = sizes;
    // Signs of the sine for the first and the second of each pair.
    const second = f.let(f32x4.splat(fractions.direction));
    const signs = f.let(
      v128.shuffle(f32x4.neg(second), second, [0, 4, 0, 4]),
    );
    const headBytes = f.let(i32.shl(headWidth, 2));
    f.for({ from: begin, to: end }, (row) => {
      const position = i32.load(element(buffers.positions, row));
      const table = rowOf(f, buffers.table, position, headWidth);
      const x = rowOf(f, buffers.x, row, width);
      const out = rowOf(f, buffers.out, row, width);
      const turned = f.let(element(x, columns));
      const stop = f.let(element(x, width));
      f.while(i32.ltU(x, turned), () => {
        f.for({ from: 0, to: headBytes, step: 16 }, (at) => {
          const angles = f.let(v128.load(i32.add(table, at)));
          const cosines = v128.shuffle(angles, angles, [0, 0, 2, 2]);
          const sines = v128.shuffle(angles, angles, [1, 1, 3, 3]);
          const pairs = f.let(v128.load(i32.add(x, at)));
          const swapped = v128.shuffle(pairs, pairs, [1, 0, 3, 2]);
          const across = f32x4.mul(swapped, f32x4.mul(sines, signs));
          f.store(i32.add(out, at), f32x4.madd(pairs, cosines, across));
        });
        f.set(x, i32.add(x, headBytes));
        f.set(out, i32.add(out, headBytes));
      });
      f.while(i32.ltU(x, stop), () => {
        f.store(out, v128.load(x));
        f.set(x, i32.add(x, 16));
        f.set(out, i32.add(out, 16));
      });
    });
  },
};
