import { defineKernel, type Kernel } from "./kernel.ts";
import { rmsNormGradSimd, rmsNormSimd } from "./norm_simd.ts";
import { blockForms, LOOP_TURNS, rowForms } from "./rows.ts";

/**
 * out = x rstd gain, rstd = 1 / √(mean x² + eps), per row (Zhang and Sennrich,
 * 2019, "Root Mean Square Layer Normalization", equation 4).
 *
 * x, out: [rows, cols]; gain: [cols]; rstd: [rows].
 */
export const rmsNormKernel: Kernel<
  "x" | "gain" | "out" | "rstd",
  "rows" | "cols" | "eps"
> = defineKernel({
  name: "rms_norm",
  reads: { x: "f32", gain: "f32" },
  writes: { out: "f32", rstd: "f32" },
  sizes: ["rows", "cols", "eps"],
  fractions: ["eps"],
  wgsl: rowForms({
    matrices: ["x", "gain", "out"],
    loops: 2,
    body: ({ type, each, total, once }) => `
  var squares = ${type}();
  ${each("squares += x[at] * x[at];")}
  ${total("sum", "squares")}
  let scale = inverseSqrt(sum / f32(sizes.cols) + sizes.eps);
  ${each("out[at] = x[at] * scale * gain[c];")}
  ${once("rstd[row] = scale;")}`,
  }),
  define: ({ x, gain, out, rstd }, { rows, cols, eps }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      let sum = 0;
      for (let c = 0; c < cols; c++) sum += x[first + c]! * x[first + c]!;
      const scale = 1 / Math.sqrt(sum / cols + eps);
      rstd[row] = scale;
      for (let c = 0; c < cols; c++) {
        out[first + c] = x[first + c]! * scale * gain[c]!;
      }
    }
  },
  simd: rmsNormSimd,
  cost: ({ rows, cols }) => ({
    bytes: 8 * rows * cols,
    flops: 4 * rows * cols,
  }),
});

/**
 * Rows that one invocation of a norm's gradient kernel works on, so that it
 * stays within its loop turns. `cols` is the width of the rows.
 */
export function normGradBlock(cols: number): number {
  return Math.min(Math.max(Math.floor(LOOP_TURNS / (3 * cols)), 1), 16);
}

/** Gradient of {@linkcode rmsNormKernel}. */
export type RmsNormGradKernel = Kernel<
  "x" | "gain" | "rstd" | "g" | "base" | "dx" | "dgains",
  "rows" | "cols" | "block"
>;

/**
 * dx = rstd (g gain - x rstd² mean(g gain x)), plus `base` where the kernel
 * `based` reads it; and the gradients of the gain summed over each block of
 * `block` rows, to be summed once more.
 *
 * x, g, base, dx: [rows, cols]; gain: [cols]; rstd: [rows];
 * dgains: [⌈rows / block⌉, cols].
 */
function rmsNormGrad(based: boolean): RmsNormGradKernel {
  return defineKernel({
    name: based ? "rms_norm_grad_added" : "rms_norm_grad",
    reads: {
      x: "f32",
      gain: "f32",
      rstd: "f32",
      g: "f32",
      ...(based ? { base: "f32" as const } : {}),
    },
    writes: { dx: "f32", dgains: "f32" },
    sizes: ["rows", "cols", "block"],
    wgsl: blockForms({
      matrices: ["x", "gain", "g", "base", "dx", "dgains"],
      loops: 2,
      body: ({ type, each, total }) => `
    let scale = rstd[row];
    var parts = ${type}();
    ${each("parts += g[at] * gain[c] * x[at];")}
    ${total("sum", "parts")}
    let inner = sum * scale * scale / f32(sizes.cols);
    ${
        each(`let dgain = g[at] * x[at] * scale;
    dx[at] = ${
          based ? "base[at] + " : ""
        }scale * (g[at] * gain[c] - x[at] * inner);
    let to = block_at * turns + c;
    if (row == start) { dgains[to] = dgain; } else { dgains[to] += dgain; }`)
      }`,
    }),
    define: (
      { x, gain, rstd, g, base, dx, dgains },
      { rows, cols, block },
    ) => {
      for (let row = 0; row < rows; row++) {
        const first = row * cols;
        const sum = Math.floor(row / block) * cols;
        if (row % block === 0) dgains.fill(0, sum, sum + cols);
        const scale = rstd[row]!;
        let inner = 0;
        for (let c = 0; c < cols; c++) {
          inner += g[first + c]! * gain[c]! * x[first + c]!;
        }
        inner *= scale * scale / cols;
        for (let c = 0; c < cols; c++) {
          const dy = g[first + c]!;
          const value = x[first + c]!;
          dx[first + c] = scale * (dy * gain[c]! - value * inner);
          dgains[sum + c]! += dy * value * scale;
        }
        if (!based) continue;
        for (let i = first; i < first + cols; i++) dx[i]! += base[i]!;
      }
    },
    simd: rmsNormGradSimd(based),
    cost: ({ rows, cols }) => ({
      bytes: (based ? 16 : 12) * rows * cols,
      flops: 10 * rows * cols,
    }),
  });
}

/** Gradient alone. */
export const rmsNormGradKernel: RmsNormGradKernel = rmsNormGrad(false);

/** Gradient, with the partial gradient `base` added to dx. */
export const rmsNormGradAddedKernel: RmsNormGradKernel = rmsNormGrad(true);
