import { defineKernel, type Kernel } from "./kernel.ts";
import { LOWEST, rowForms } from "./rows.ts";
import { entropyGradSimd, entropySimd } from "./softmax_simd.ts";

/**
 * top = max(logits), rest = log sum exp(logits - top), which top would swallow
 * where it is large, and nats = top + rest - <softmax(logits), logits>, the
 * entropy, per row; what has no share, as at -Infinity, adds nothing.
 * logits: [rows, cols]; others: [rows].
 */
export const entropyKernel: Kernel<
  "logits" | "nats" | "top" | "rest",
  "rows" | "cols"
> = defineKernel({
  name: "entropy",
  reads: { logits: "f32" },
  writes: { nats: "f32", top: "f32", rest: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits"],
    loops: 2,
    // Logits are taken relative to the largest, so that no digits are lost.
    body: ({ type, each, total, largest, once }) => `
  var tops = ${type}(${LOWEST});
  ${each("tops = max(tops, logits[at]);")}
  ${largest("most", "tops")}
  var parts = ${type}();
  var products = ${type}();
  ${
      each(
        `let d = logits[at] - most; let e = exp(d); parts += e; products += e * max(d, ${type}(${LOWEST}));`,
      )
    }
  ${total("sum", "parts")}
  ${total("product", "products")}
  let log_sum = log(sum);
  ${
      once(
        "top[row] = most; rest[row] = log_sum; nats[row] = log_sum - product / sum;",
      )
    }`,
  }),
  define: ({ logits, nats, top, rest }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const end = first + cols;
      let most = LOWEST;
      for (let i = first; i < end; i++) {
        if (logits[i]! > most) most = logits[i]!;
      }
      let sum = 0;
      let product = 0;
      for (let i = first; i < end; i++) {
        const d = logits[i]! - most;
        const e = Math.exp(d);
        sum += e;
        product += e * Math.max(d, LOWEST);
      }
      top[row] = most;
      rest[row] = Math.log(sum);
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
 * dlogits = -g p (log p + nats), p = exp(logits - top - rest), per row.
 * logits, dlogits: [rows, cols]; others: [rows].
 */
export const entropyGradKernel: Kernel<
  "logits" | "nats" | "top" | "rest" | "g" | "dlogits",
  "rows" | "cols"
> = defineKernel({
  name: "entropy_grad",
  reads: { logits: "f32", nats: "f32", top: "f32", rest: "f32", g: "f32" },
  writes: { dlogits: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits", "dlogits"],
    loops: 1,
    body: ({ type, each }) => `
  let scale = -g[row];
  let most = top[row];
  let log_sum = rest[row];
  let entropy = nats[row];
  ${
      each(
        `let log_p = logits[at] - most - log_sum; dlogits[at] = scale * exp(log_p) * (max(log_p, ${type}(${LOWEST})) + entropy);`,
      )
    }`,
  }),
  define: ({ logits, nats, top, rest, g, dlogits }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const scale = -g[row]!;
      const most = top[row]!;
      const logSum = rest[row]!;
      const entropy = nats[row]!;
      for (let i = first; i < first + cols; i++) {
        const logP = logits[i]! - most - logSum;
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
