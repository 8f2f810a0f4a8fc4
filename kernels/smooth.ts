import { defineKernel, type Kernel } from "./kernel.ts";

/** Sizes of the kernels that smooth sequences of `length` groups. */
export type SmoothSize = "sequences" | "length" | "cols";

/**
 * out[j] = s[j] x[j] + (1 - s[j]) out[j - 1] in each sequence, in front of
 * which there is 0. The share s[j] is the gate of the first row of group j, 0
 * for an empty group. One invocation walks through a column of a sequence.
 *
 * x, out: [sequences length, cols]; gates: [rows]; starts, ends, shares:
 * [sequences length].
 */
export const smoothKernel: Kernel<
  "x" | "gates" | "starts" | "ends" | "out" | "shares",
  SmoothSize
> = defineKernel({
  name: "smooth",
  reads: { x: "f32", gates: "f32", starts: "u32", ends: "u32" },
  writes: { out: "f32", shares: "f32" },
  sizes: ["sequences", "length", "cols"],
  wgsl: {
    items: ({ sequences, cols }) => sequences * cols,
    body: `
  let column = id % sizes.cols;
  let first = id / sizes.cols * sizes.length;
  var value = 0.0;
  for (var group = first; group < first + sizes.length; group++) {
    let start = starts[group];
    var share = 0.0;
    if (start < ends[group]) { share = gates[start]; }
    let at = group * sizes.cols + column;
    value = share * x[at] + (1.0 - share) * value;
    out[at] = value;
    if (column == 0u) { shares[group] = share; }
  }`,
  },
  define: (
    { x, gates, starts, ends, out, shares },
    { sequences, length, cols },
  ) => {
    for (let group = 0; group < sequences * length; group++) {
      const start = starts[group]!;
      const share = start < ends[group]! ? gates[start]! : 0;
      shares[group] = share;
      const begins = group % length === 0;
      for (let at = group * cols; at < (group + 1) * cols; at++) {
        const before = begins ? 0 : out[at - cols]!;
        out[at] = share * x[at]! + (1 - share) * before;
      }
    }
  },
  cost: ({ sequences, length, cols }) => ({
    bytes: 8 * sequences * length * cols,
    flops: 4 * sequences * length * cols,
  }),
});

/**
 * Gradients of {@linkcode smoothKernel}: those of the shares are left to be
 * summed over the columns.
 *
 * x, out, g, dx, dshares: [sequences length, cols]; shares: [sequences length].
 */
export const smoothGradKernel: Kernel<
  "x" | "shares" | "out" | "g" | "dx" | "dshares",
  SmoothSize
> = defineKernel({
  name: "smooth_grad",
  reads: { x: "f32", shares: "f32", out: "f32", g: "f32" },
  writes: { dx: "f32", dshares: "f32" },
  sizes: ["sequences", "length", "cols"],
  wgsl: {
    items: ({ sequences, cols }) => sequences * cols,
    body: `
  let first = id / sizes.cols * sizes.length;
  var carry = 0.0;
  for (var group = first + sizes.length; group > first; group--) {
    let share = shares[group - 1u];
    let at = (group - 1u) * sizes.cols + id % sizes.cols;
    var before = 0.0;
    if (group - 1u > first) { before = out[at - sizes.cols]; }
    let total = g[at] + carry;
    dx[at] = share * total;
    dshares[at] = (x[at] - before) * total;
    carry = (1.0 - share) * total;
  }`,
  },
  define: (
    { x, shares, out, g, dx, dshares },
    { sequences, length, cols },
  ) => {
    const carry = new Float64Array(cols);
    for (let group = sequences * length - 1; group >= 0; group--) {
      const share = shares[group]!;
      const begins = group % length === 0;
      for (let column = 0; column < cols; column++) {
        const at = group * cols + column;
        const before = begins ? 0 : out[at - cols]!;
        const total = g[at]! + carry[column]!;
        dx[at] = share * total;
        dshares[at] = (x[at]! - before) * total;
        carry[column] = begins ? 0 : (1 - share) * total;
      }
    }
  },
  cost: ({ sequences, length, cols }) => ({
    bytes: 20 * sequences * length * cols,
    flops: 6 * sequences * length * cols,
  }),
});
