import { defineKernel, type Kernel } from "./kernel.ts";
import { LOWEST, rowForms } from "./rows.ts";
import { entropyGradSimd, entropySimd } from "./softmax_simd.ts";

/**
 * lse = log sum exp(logits) and nats = lse - <softmax(logits), logits>, the
 * entropy, per row; what has no share, as at -Infinity, adds nothing.
 * logits: [rows, cols]; nats, lse: [rows].
 */
export const entropyKernel: Kernel<
  "logits" | "nats" | "lse",
  "rows" | "cols"
> = defineKernel({
  name: "entropy",
  reads: { logits: "f32" },
  writes: { nats: "f32", lse: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits"],
    loops: 2,
    // Logits are taken relative to the largest, so that no digits are lost.
    body: ({ type, each, total, largest, once }) => `
  var tops = ${type}(${LOWEST});
  ${each("tops = max(tops, logits[at]);")}
  ${largest("top", "tops")}
  var parts = ${type}();
  var products = ${type}();
  ${
      each(
        `let d = logits[at] - top; let e = exp(d); parts += e; products += e * max(d, ${type}(${LOWEST}));`,
      )
    }
  ${total("sum", "parts")}
  ${total("product", "products")}
  let log_sum = log(sum);
  ${once("lse[row] = top + log_sum; nats[row] = log_sum - product / sum;")}`,
  }),
  define: ({ logits, nats, lse }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const end = first + cols;
      let top = -Infinity;
      for (let i = first; i < end; i++) if (logits[i]! > top) top = logits[i]!;
      let sum = 0;
      let product = 0;
      for (let i = first; i < end; i++) {
        const d = logits[i]! - top;
        const e = Math.exp(d);
        sum += e;
        product += e * Math.max(d, LOWEST);
      }
      lse[row] = top + Math.log(sum);
      nats[row] = Math.log(sum) - product / sum;
    }
  },
  simd: entropySimd,
  cost: ({ rows, cols }) => ({
    bytes: 4 * rows * cols,
    flops: 5 * rows * cols,
  }),
});

/**
 * dlogits = -g p (log p + nats), p = exp(logits - lse), per row.
 * logits, dlogits: [rows, cols]; nats, lse, g: [rows].
 */
export const entropyGradKernel: Kernel<
  "logits" | "nats" | "lse" | "g" | "dlogits",
  "rows" | "cols"
> = defineKernel({
  name: "entropy_grad",
  reads: { logits: "f32", nats: "f32", lse: "f32", g: "f32" },
  writes: { dlogits: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits", "dlogits"],
    loops: 1,
    body: ({ type, each }) => `
  let scale = -g[row];
  let shift = lse[row];
  let entropy = nats[row];
  ${
      each(
        `let log_p = logits[at] - shift; dlogits[at] = scale * exp(log_p) * (max(log_p, ${type}(${LOWEST})) + entropy);`,
      )
    }`,
  }),
  define: ({ logits, nats, lse, g, dlogits }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const scale = -g[row]!;
      const shift = lse[row]!;
      const entropy = nats[row]!;
      for (let i = first; i < first + cols; i++) {
        const logP = logits[i]! - shift;
        dlogits[i] = scale * Math.exp(logP) *
          (Math.max(logP, LOWEST) + entropy);
      }
    }
  },
  simd: entropyGradSimd,
  cost: ({ rows, cols }) => ({
    bytes: 8 * rows * cols,
    flops: 5 * rows * cols,
  }),
});
