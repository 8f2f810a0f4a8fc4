import { defineKernel, type Kernel } from "./kernel.ts";
import { LOWEST, rowForms } from "./rows.ts";
import { tokenNatsGradSimd, tokenNatsSimd } from "./softmax_simd.ts";

/**
 * top = max(logits), rest = log sum exp(logits - top), which top would swallow
 * where it is large, and nats = top + rest - logits[target], per row; nats are 0
 * where the target is no column. logits: [rows, cols]; others: [rows].
 */
export const tokenNatsKernel: Kernel<
  "logits" | "targets" | "nats" | "top" | "rest",
  "rows" | "cols"
> = defineKernel({
  name: "token_nats",
  reads: { logits: "f32", targets: "u32" },
  writes: { nats: "f32", top: "f32", rest: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits"],
    loops: 2,
    body: ({ type, each, total, largest, once, at }) => `
  var tops = ${type}(${LOWEST});
  ${each("tops = max(tops, logits[at]);")}
  ${largest("most", "tops")}
  var parts = ${type}();
  ${each("parts += exp(logits[at] - most);")}
  ${total("sum", "parts")}
  let log_sum = log(sum);
  let column = min(targets[row], sizes.cols - 1u);
  let value = most - ${at("logits", "column")} + log_sum;
  ${
      once(
        "top[row] = most; rest[row] = log_sum; nats[row] = select(0.0, value, targets[row] < sizes.cols);",
      )
    }`,
  }),
  define: ({ logits, targets, nats, top, rest }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const end = first + cols;
      let most = LOWEST;
      for (let i = first; i < end; i++) {
        if (logits[i]! > most) most = logits[i]!;
      }
      let sum = 0;
      for (let i = first; i < end; i++) sum += Math.exp(logits[i]! - most);
      const logSum = Math.log(sum);
      const column = targets[row]!;
      top[row] = most;
      rest[row] = logSum;
      nats[row] = column < cols ? most - logits[first + column]! + logSum : 0;
    }
  },
  simd: tokenNatsSimd,
  cost: ({ rows, cols }) => ({
    bytes: 4 * rows * cols,
    flops: 3 * rows * cols,
  }),
});

/**
 * dlogits = g (exp(logits - top - rest) - 1 at the target), per row; 0 where the
 * target is no column. logits, dlogits: [rows, cols]; others: [rows].
 */
export const tokenNatsGradKernel: Kernel<
  "logits" | "targets" | "top" | "rest" | "g" | "dlogits",
  "rows" | "cols"
> = defineKernel({
  name: "token_nats_grad",
  reads: { logits: "f32", targets: "u32", top: "f32", rest: "f32", g: "f32" },
  writes: { dlogits: "f32" },
  sizes: ["rows", "cols"],
  wgsl: rowForms({
    matrices: ["logits", "dlogits"],
    loops: 1,
    body: ({ type, each, oneAt }) => `
  let column = targets[row];
  let counts = column < sizes.cols;
  let scale = g[row];
  let most = top[row];
  let log_sum = rest[row];
  ${
      each(
        `dlogits[at] = select(${type}(), scale * (exp(logits[at] - most - log_sum) - ${
          oneAt("column")
        }), counts);`,
      )
    }`,
  }),
  define: ({ logits, targets, top, rest, g, dlogits }, { rows, cols }) => {
    for (let row = 0; row < rows; row++) {
      const first = row * cols;
      const end = first + cols;
      const column = targets[row]!;
      if (column >= cols) {
        dlogits.fill(0, first, end);
        continue;
      }
      const scale = g[row]!;
      const most = top[row]!;
      const logSum = rest[row]!;
      for (let i = first; i < end; i++) {
        dlogits[i] = scale * Math.exp(logits[i]! - most - logSum);
      }
      dlogits[first + column]! -= scale;
    }
  },
  simd: tokenNatsGradSimd,
  cost: ({ rows, cols }) => ({
    bytes: 8 * rows * cols,
    flops: 4 * rows * cols,
  }),
});

/** Rows that one invocation adds up in the mean over targets. */
export const TARGET_BLOCK = 256;

/**
 * Sums the nats of each block of rows and counts its targets < `classes`.
 * nats, targets: [rows]; sums, counts: [⌈rows / 256⌉].
 */
export const targetSumsKernel: Kernel<
  "nats" | "targets" | "sums" | "counts",
  "rows" | "classes"
> = defineKernel({
  name: "target_sums",
  reads: { nats: "f32", targets: "u32" },
  writes: { sums: "f32", counts: "u32" },
  sizes: ["rows", "classes"],
  wgsl: {
    items: ({ rows }) => Math.ceil(rows / TARGET_BLOCK),
    body: `
  let start = id * ${TARGET_BLOCK}u;
  let end = min(start + ${TARGET_BLOCK}u, sizes.rows);
  var sum = 0.0;
  var count = 0u;
  for (var row = start; row < end; row++) {
    if (targets[row] < sizes.classes) { sum += nats[row]; count += 1u; }
  }
  sums[id] = sum;
  counts[id] = count;`,
  },
  define: ({ nats, targets, sums, counts }, { rows, classes }) => {
    for (let start = 0; start < rows; start += TARGET_BLOCK) {
      const end = Math.min(start + TARGET_BLOCK, rows);
      let sum = 0;
      let count = 0;
      for (let row = start; row < end; row++) {
        if (targets[row]! >= classes) continue;
        sum += nats[row]!;
        count += 1;
      }
      sums[start / TARGET_BLOCK] = sum;
      counts[start / TARGET_BLOCK] = count;
    }
  },
  cost: ({ rows }) => ({ bytes: 8 * rows, flops: rows }),
});

/**
 * mean = sum of sums / sum of counts, and share = 1 / sum of counts; both are
 * 0 when nothing was counted. sums, counts: [blocks]; mean, share: [1].
 */
export const targetMeanKernel: Kernel<
  "sums" | "counts" | "mean" | "share",
  "blocks"
> = defineKernel({
  name: "target_mean",
  reads: { sums: "f32", counts: "u32" },
  writes: { mean: "f32", share: "f32" },
  sizes: ["blocks"],
  wgsl: {
    items: () => 1,
    body: `
  var sum = 0.0;
  var count = 0u;
  for (var i = 0u; i < sizes.blocks; i++) { sum += sums[i]; count += counts[i]; }
  let each = select(0.0, 1.0 / f32(count), count > 0u);
  mean[0] = sum * each;
  share[0] = each;`,
  },
  define: ({ sums, counts, mean, share }, { blocks }) => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < blocks; i++) {
      sum += sums[i]!;
      count += counts[i]!;
    }
    const each = count > 0 ? 1 / count : 0;
    mean[0] = sum * each;
    share[0] = each;
  },
  cost: ({ blocks }) => ({ bytes: 8 * blocks, flops: blocks }),
});

/**
 * dnats = g share where the target is < `classes`, else 0. g, share: [1];
 * targets, dnats: [rows].
 */
export const targetMeanGradKernel: Kernel<
  "g" | "share" | "targets" | "dnats",
  "rows" | "classes"
> = defineKernel({
  name: "target_mean_grad",
  reads: { g: "f32", share: "f32", targets: "u32" },
  writes: { dnats: "f32" },
  sizes: ["rows", "classes"],
  wgsl: {
    items: ({ rows }) => rows,
    body:
      "dnats[id] = select(0.0, g[0] * share[0], targets[id] < sizes.classes);",
  },
  define: ({ g, share, targets, dnats }, { rows, classes }) => {
    const each = g[0]! * share[0]!;
    for (let row = 0; row < rows; row++) {
      dnats[row] = targets[row]! < classes ? each : 0;
    }
  },
  cost: ({ rows }) => ({ bytes: 8 * rows, flops: rows }),
});
