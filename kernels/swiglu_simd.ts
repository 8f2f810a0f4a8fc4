import { element, forLanes, grainOf, rowOf } from "./rows_simd.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, i32 } from "./wasm/instructions.ts";
import { sigmoid } from "./wasm/math.ts";

/** Form of `swigluKernel`. */
export const swigluSimd: SimdForm<"rows" | "width", "x" | "out"> = {
  items: ({ rows }) => rows,
  grain: ({ width }) => grainOf(width, 2.5),
  emit(f, { begin, end, buffers, sizes: { width } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const gates = rowOf(f, buffers.x, i32.shl(row, 1), width);
      const ups = f.let(element(gates, width));
      const out = rowOf(f, buffers.out, row, width);
      forLanes(f, width, ({ load, store }) => {
        const gate = load(gates);
        store(out, f32x4.mul(f32x4.mul(gate, sigmoid(f, gate)), load(ups)));
      });
    });
  },
};

/** Form of `swigluGradKernel`. */
export const swigluGradSimd: SimdForm<"rows" | "width", "g" | "x" | "dx"> = {
  items: ({ rows }) => rows,
  grain: ({ width }) => grainOf(width, 3),
  emit(f, { begin, end, buffers, sizes: { width } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const g = rowOf(f, buffers.g, row, width);
      const gates = rowOf(f, buffers.x, i32.shl(row, 1), width);
      const ups = f.let(element(gates, width));
      const dGates = rowOf(f, buffers.dx, i32.shl(row, 1), width);
      const dUps = f.let(element(dGates, width));
      forLanes(f, width, ({ load, store }) => {
        const own = load(g);
        const gate = load(gates);
        const share = sigmoid(f, gate);
        const silu = f.let(f32x4.mul(gate, share));
        const rest = f32x4.sub(f.constant(1), share);
        const slope = f32x4.madd(silu, rest, share);
        store(dGates, f32x4.mul(f32x4.mul(own, load(ups)), slope));
        store(dUps, f32x4.mul(own, silu));
      });
    });
  },
};
