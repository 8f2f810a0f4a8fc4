import { input } from "./expression.ts";
import { expressionSource } from "./expression_wgsl.ts";
import { defineKernel, type Kernel, type WgslForm } from "./kernel.ts";
import { swigluGradSimd, swigluSimd } from "./swiglu_simd.ts";

/** Sizes of both kernels: rows, and half the width of a packed row. */
export type SwigluSize = "rows" | "width";

/**
 * out = silu(gate) up, where silu(x) = x / (1 + exp(-x)) (Shazeer, 2020,
 * arXiv:2002.05202). A packed row holds gate, then up.
 * x: [rows, 2 width], out: [rows, width]
 */
export const swigluKernel: Kernel<"x" | "out", SwigluSize> = defineKernel({
  name: "swiglu",
  reads: { x: "f32" },
  writes: { out: "f32" },
  sizes: ["rows", "width"],
  wgsl: forms(
    ["x", "out"],
    () => `out[id] = gate * gate_sigmoid * x[at + width];`,
  ),
  define: ({ x, out }, { rows, width }) => {
    for (let row = 0; row < rows; row++) {
      const at = row * 2 * width;
      for (let i = 0; i < width; i++) {
        const gate = x[at + i]!;
        out[row * width + i] = gate / (1 + Math.exp(-gate)) *
          x[at + width + i]!;
      }
    }
  },
  simd: swigluSimd,
  cost: ({ rows, width }) => ({
    bytes: 12 * rows * width,
    flops: 5 * rows * width,
  }),
});

/** Gradient of `swigluKernel`. g: [rows, width]; x, dx: [rows, 2 width] */
export const swigluGradKernel: Kernel<"g" | "x" | "dx", SwigluSize> =
  defineKernel({
    name: "swiglu_grad",
    reads: { g: "f32", x: "f32" },
    writes: { dx: "f32" },
    sizes: ["rows", "width"],
    wgsl: forms(
      ["g", "x", "dx"],
      (type) =>
        `let silu = gate * gate_sigmoid;
  let slope = gate_sigmoid + silu * (${type}(1.0) - gate_sigmoid);
  dx[at] = g[id] * x[at + width] * slope;
  dx[at + width] = g[id] * silu;`,
    ),
    define: ({ g, x, dx }, { rows, width }) => {
      for (let row = 0; row < rows; row++) {
        const at = row * 2 * width;
        for (let i = 0; i < width; i++) {
          const gate = x[at + i]!;
          const up = x[at + width + i]!;
          const own = g[row * width + i]!;
          const sigmoid = 1 / (1 + Math.exp(-gate));
          const slope = sigmoid * (1 + gate * (1 - sigmoid));
          dx[at + i] = own * up * slope;
          dx[at + width + i] = own * gate * sigmoid;
        }
      }
    },
    simd: swigluGradSimd,
    cost: ({ rows, width }) => ({
      bytes: 20 * rows * width,
      flops: 10 * rows * width,
    }),
  });

/** Four neighbours at a time where rows allow it, otherwise one. */
function forms(
  buffers: readonly string[],
  rest: (type: string) => string,
): WgslForm<SwigluSize>[] {
  const body = (type: "f32" | "vec4f", width: string): string => {
    const sigmoid = input(0).sigmoid();
    const { statements, values } = expressionSource(
      [sigmoid],
      type,
      () => "gate",
    );
    return `let width = ${width};
  let at = id / width * 2u * width + id % width;
  let gate = x[at];
  ${statements}
  let gate_sigmoid = ${values[0]};
  ${rest(type)}`;
  };
  return [{
    items: ({ rows, width }) => rows * width / 4,
    vectors: buffers,
    body: body("vec4f", "sizes.width / 4u"),
    fits: (_, { width }) => width % 4 === 0,
  }, {
    items: ({ rows, width }) => rows * width,
    body: body("f32", "sizes.width"),
  }];
}
