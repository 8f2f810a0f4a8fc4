import { defineKernel, type Kernel } from "./kernel.ts";
import { LOWEST, rowForms } from "./rows.ts";
import { softmaxGradSimd, softmaxSimd } from "./softmax_simd.ts";

/** out = exp(x - max x) / sum, per row. x, out: [rows, cols]. */
export const softmaxKernel: Kernel<"x" | "out", "rows" | "cols"> = defineKernel(
  {
    name: "softmax",
    reads: { x: "f32" },
    writes: { out: "f32" },
    sizes: ["rows", "cols"],
    wgsl: rowForms({
      matrices: ["x", "out"],
      loops: 3,
      body: ({ type, each, total, largest }) => `
  var tops = ${type}(${LOWEST});
  ${each("tops = max(tops, x[at]);")}
  ${largest("top", "tops")}
  var sums = ${type}();
  ${each("let e = exp(x[at] - top); out[at] = e; sums += e;")}
  ${total("sum", "sums")}
  ${each("out[at] /= sum;")}`,
    }),
    define: ({ x, out }, { rows, cols }) => {
      for (let first = 0; first < rows * cols; first += cols) {
        const end = first + cols;
        let top = -Infinity;
        for (let i = first; i < end; i++) if (x[i]! > top) top = x[i]!;
        let sum = 0;
        for (let i = first; i < end; i++) {
          const e = Math.exp(x[i]! - top);
          out[i] = e;
          sum += e;
        }
        for (let i = first; i < end; i++) out[i]! /= sum;
      }
    },
    simd: softmaxSimd,
    cost: ({ rows, cols }) => ({
      bytes: 8 * rows * cols,
      flops: 4 * rows * cols,
    }),
  },
);

/** dx = y (g - <g, y>), per row. y, g, dx: [rows, cols]. */
export const softmaxGradKernel: Kernel<"y" | "g" | "dx", "rows" | "cols"> =
  defineKernel({
    name: "softmax_grad",
    reads: { y: "f32", g: "f32" },
    writes: { dx: "f32" },
    sizes: ["rows", "cols"],
    wgsl: rowForms({
      matrices: ["y", "g", "dx"],
      loops: 2,
      body: ({ type, each, total }) => `
  var parts = ${type}();
  ${each("parts += g[at] * y[at];")}
  ${total("inner", "parts")}
  ${each("dx[at] = y[at] * (g[at] - inner);")}`,
    }),
    define: ({ y, g, dx }, { rows, cols }) => {
      for (let first = 0; first < rows * cols; first += cols) {
        const end = first + cols;
        let inner = 0;
        for (let i = first; i < end; i++) inner += g[i]! * y[i]!;
        for (let i = first; i < end; i++) dx[i] = y[i]! * (g[i]! - inner);
      }
    },
    simd: softmaxGradSimd,
    cost: ({ rows, cols }) => ({
      bytes: 12 * rows * cols,
      flops: 4 * rows * cols,
    }),
  });
