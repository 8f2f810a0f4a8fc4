import { defineKernel, type Kernel } from "./kernel.ts";

/** Scalars that one launch copies. */
export const METRICS_AT_ONCE = 4;

/**
 * ring[at + i] = the i-th of `count` scalars, at most 4; the buffers after
 * those are not read. a, b, c, d: [1]; ring: [*].
 */
export const recordKernel: Kernel<
  "a" | "b" | "c" | "d" | "ring",
  "at" | "count"
> = defineKernel({
  name: "record_metrics",
  reads: { a: "f32", b: "f32", c: "f32", d: "f32" },
  writes: { ring: "f32" },
  sizes: ["at", "count"],
  wgsl: {
    items: ({ count }) => count,
    body:
      "ring[sizes.at + id] = select(select(a[0], b[0], id == 1u), select(c[0], d[0], id == 3u), id > 1u);",
  },
  define: ({ a, b, c, d, ring }, { at, count }) => {
    [a, b, c, d].slice(0, count).forEach((x, i) => ring[at + i] = x[0]!);
  },
  cost: ({ count }) => ({ bytes: 8 * count, flops: 0 }),
});
