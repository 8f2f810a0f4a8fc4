import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * Last number of each segment, 0 for an empty one.
 * x: [R]; starts, ends: [count]; out: [count]
 */
export const lastOfKernel: Kernel<
  "x" | "starts" | "ends" | "out",
  "count"
> = defineKernel({
  name: "last_of",
  reads: { x: "f32", starts: "u32", ends: "u32" },
  writes: { out: "f32" },
  sizes: ["count"],
  wgsl: {
    items: ({ count }) => count,
    body: `
  let end = ends[id];
  out[id] = select(0.0, x[max(end, 1u) - 1u], end > starts[id]);`,
  },
  define: ({ x, starts, ends, out }, { count }) => {
    for (let i = 0; i < count; i++) {
      const end = ends[i]!;
      out[i] = end > starts[i]! ? x[end - 1]! : 0;
    }
  },
  cost: ({ count }) => ({ bytes: 16 * count, flops: 0 }),
});

/** Sum of whole numbers, as f32. counts: [count], out: [1] */
export const tallyKernel: Kernel<"counts" | "out", "count"> = defineKernel({
  name: "tally",
  reads: { counts: "u32" },
  writes: { out: "f32" },
  sizes: ["count"],
  wgsl: {
    items: () => 1,
    body: `
  var sum = 0u;
  for (var i = 0u; i < sizes.count; i++) { sum += counts[i]; }
  out[0] = f32(sum);`,
  },
  define: ({ counts, out }, { count }) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += counts[i]!;
    out[0] = sum;
  },
  cost: ({ count }) => ({ bytes: 4 * count, flops: 0 }),
});
