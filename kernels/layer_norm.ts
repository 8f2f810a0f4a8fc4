import { defineKernel, type Kernel } from "./kernel.ts";
import { layerNormGradSimd, layerNormSimd } from "./norm_simd.ts";
import { blockForms, rowForms } from "./rows.ts";

/** Normalized rows with gain, and bias where the kernel reads it. */
export type LayerNormKernel = Kernel<
  "x" | "gain" | "bias" | "out" | "stats",
  "rows" | "cols" | "eps"
>;

/**
 * out = (x - mean) rstd gain, plus `bias` where the kernel `biased` reads it,
 * rstd = 1 / √(variance + eps), per row (Ba et al., 2016, arXiv:1607.06450).
 *
 * x, out: [rows, cols]; gain, bias: [cols]; stats: [rows, 2], mean and rstd.
 */
function layerNorm(biased: boolean): LayerNormKernel {
  return defineKernel({
    name: biased ? "layer_norm_biased" : "layer_norm",
    reads: {
      x: "f32",
      gain: "f32",
      ...(biased ? { bias: "f32" as const } : {}),
    },
    writes: { out: "f32", stats: "f32" },
    sizes: ["rows", "cols", "eps"],
    fractions: ["eps"],
    wgsl: rowForms({
      matrices: ["x", "gain", "bias", "out"],
      loops: 3,
      body: ({ type, each, total, once }) => `
  var parts = ${type}();
  ${each("parts += x[at];")}
  ${total("sum", "parts")}
  let mean = sum / f32(sizes.cols);
  var squares = ${type}();
  ${each("let d = x[at] - mean; squares += d * d;")}
  ${total("spread", "squares")}
  let scale = inverseSqrt(spread / f32(sizes.cols) + sizes.eps);
  ${
        each(
          `out[at] = (x[at] - mean) * scale * gain[c]${
            biased ? " + bias[c]" : ""
          };`,
        )
      }
  ${once("stats[2u * row] = mean; stats[2u * row + 1u] = scale;")}`,
    }),
    define: ({ x, gain, bias, out, stats }, { rows, cols, eps }) => {
      for (let row = 0; row < rows; row++) {
        const first = row * cols;
        let sum = 0;
        for (let c = 0; c < cols; c++) sum += x[first + c]!;
        const mean = sum / cols;
        let squares = 0;
        for (let c = 0; c < cols; c++) {
          const d = x[first + c]! - mean;
          squares += d * d;
        }
        const scale = 1 / Math.sqrt(squares / cols + eps);
        stats[2 * row] = mean;
        stats[2 * row + 1] = scale;
        for (let c = 0; c < cols; c++) {
          out[first + c] = (x[first + c]! - mean) * scale * gain[c]!;
        }
        if (!biased) continue;
        for (let c = 0; c < cols; c++) out[first + c]! += bias[c]!;
      }
    },
    simd: layerNormSimd(biased),
    cost: ({ rows, cols }) => ({
      bytes: 8 * rows * cols,
      flops: 8 * rows * cols,
    }),
  });
}

/** Without bias. */
export const layerNormKernel: LayerNormKernel = layerNorm(false);

/** With bias. */
export const layerNormBiasedKernel: LayerNormKernel = layerNorm(true);

/** Gradient of {@linkcode LayerNormKernel}. */
export type LayerNormGradKernel = Kernel<
  "x" | "gain" | "stats" | "g" | "base" | "dx" | "dgains" | "dbiases",
  "rows" | "cols" | "block"
>;

/**
 * With n = (x - mean) rstd and h = g gain: dx = rstd (h - mean(h) -
 * n mean(h n)), plus `base` where the kernel `based` reads it; and the gradients
 * of gain and bias summed over each block of `block` rows.
 *
 * x, g, base, dx: [rows, cols]; gain: [cols]; stats: [rows, 2];
 * dgains, dbiases: [⌈rows / block⌉, cols].
 */
function layerNormGrad(based: boolean): LayerNormGradKernel {
  return defineKernel({
    name: based ? "layer_norm_grad_added" : "layer_norm_grad",
    reads: {
      x: "f32",
      gain: "f32",
      stats: "f32",
      g: "f32",
      ...(based ? { base: "f32" as const } : {}),
    },
    writes: { dx: "f32", dgains: "f32", dbiases: "f32" },
    sizes: ["rows", "cols", "block"],
    wgsl: blockForms({
      matrices: ["x", "gain", "g", "base", "dx", "dgains", "dbiases"],
      loops: 2,
      body: ({ type, each, total }) => `
    let mean = stats[2u * row];
    let scale = stats[2u * row + 1u];
    var parts = ${type}();
    var products = ${type}();
    ${
        each(`let h = g[at] * gain[c];
    parts += h;
    products += h * (x[at] - mean);`)
      }
    ${total("sum", "parts")}
    ${total("inner", "products")}
    let shift = sum / f32(sizes.cols);
    let slope = inner * scale * scale / f32(sizes.cols);
    ${
        each(`let d = x[at] - mean;
    dx[at] = ${
          based ? "base[at] + " : ""
        }scale * (g[at] * gain[c] - shift - d * slope);
    let to = block_at * turns + c;
    if (row == start) {
      dgains[to] = g[at] * d * scale;
      dbiases[to] = g[at];
    } else {
      dgains[to] += g[at] * d * scale;
      dbiases[to] += g[at];
    }`)
      }`,
    }),
    define: (
      { x, gain, stats, g, base, dx, dgains, dbiases },
      { rows, cols, block },
    ) => {
      for (let row = 0; row < rows; row++) {
        const first = row * cols;
        const sums = Math.floor(row / block) * cols;
        if (row % block === 0) {
          dgains.fill(0, sums, sums + cols);
          dbiases.fill(0, sums, sums + cols);
        }
        const mean = stats[2 * row]!;
        const scale = stats[2 * row + 1]!;
        let shift = 0;
        let slope = 0;
        for (let c = 0; c < cols; c++) {
          const h = g[first + c]! * gain[c]!;
          shift += h;
          slope += h * (x[first + c]! - mean);
        }
        shift /= cols;
        slope *= scale * scale / cols;
        for (let c = 0; c < cols; c++) {
          const dy = g[first + c]!;
          const d = x[first + c]! - mean;
          dx[first + c] = scale * (dy * gain[c]! - shift - d * slope);
          dgains[sums + c]! += dy * d * scale;
          dbiases[sums + c]! += dy;
        }
        if (!based) continue;
        for (let i = first; i < first + cols; i++) dx[i]! += base[i]!;
      }
    },
    simd: layerNormGradSimd(based),
    cost: ({ rows, cols }) => ({
      bytes: (based ? 16 : 12) * rows * cols,
      flops: 14 * rows * cols,
    }),
  });
}

/** Gradient alone. */
export const layerNormGradKernel: LayerNormGradKernel = layerNormGrad(false);

/** Gradient, with the partial gradient `base` added to dx. */
export const layerNormGradAddedKernel: LayerNormGradKernel = layerNormGrad(
  true,
);
