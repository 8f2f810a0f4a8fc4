import { defineKernel, type Kernel } from "./kernel.ts";
import { squareSumsSimd } from "./update_simd.ts";

/** Most sums of squares that one chunk of gradients is reduced to. */
const MAX_SUMS = 8192;

/** Number of sums that {@linkcode squareSumsKernel} makes of `length` numbers. */
export function squareSums(length: number): number {
  return Math.min(length / 4, MAX_SUMS);
}

/**
 * sums[start + i] = squares of every `count`-th group of four numbers, from
 * group i on. g: [length], a multiple of 4; sums: [*].
 */
export const squareSumsKernel: Kernel<
  "g" | "sums",
  "length" | "count" | "start"
> = defineKernel({
  name: "square_sums",
  reads: { g: "f32" },
  writes: { sums: "f32" },
  sizes: ["length", "count", "start"],
  wgsl: {
    items: ({ count }) => count,
    vectors: ["g"],
    body: `
  var sum = vec4f();
  for (var i = id; i < sizes.length / 4u; i += sizes.count) { sum += g[i] * g[i]; }
  sums[sizes.start + id] = dot(sum, vec4f(1.0));`,
  },
  define: ({ g, sums }, { length, count, start }) => {
    const totals = new Float64Array(count);
    let id = 0;
    for (let i = 0; i < length; i += 4) {
      const a = g[i]!;
      const b = g[i + 1]!;
      const c = g[i + 2]!;
      const d = g[i + 3]!;
      totals[id]! += a * a + b * b + c * c + d * d;
      if (++id === count) id = 0;
    }
    sums.set(totals, start);
  },
  simd: squareSumsSimd,
  cost: ({ length }) => ({ bytes: 4 * length, flops: 2 * length }),
});

/** Invocations of the last stage. */
const THREADS = 256;

/**
 * norm = √ sum of sums; scale = min(1, limit / norm), or 0 when the norm is not
 * finite, which `skipped` counts. sums: [count]; all others: [1].
 */
export const gradNormKernel: Kernel<
  "sums" | "limit" | "norm" | "scale" | "skipped",
  "count"
> = defineKernel({
  name: "grad_norm",
  reads: { sums: "f32", limit: "f32" },
  writes: { norm: "f32", scale: "f32", skipped: "f32" },
  sizes: ["count"],
  wgsl: {
    per: "workgroup",
    threads: THREADS,
    items: () => 1,
    declarations: `var<workgroup> shares: array<f32, ${THREADS}>;`,
    // Compilers may assume that numbers are finite, so the bits are tested.
    body: `
  var sum = 0.0;
  for (var i = lane; i < sizes.count; i += ${THREADS}u) { sum += sums[i]; }
  shares[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < ${THREADS}u; i++) { total += shares[i]; }
    let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
    let length = sqrt(total);
    norm[0] = length;
    scale[0] = select(0.0, min(1.0, limit[0] / (length + 1e-6)), finite);
    skipped[0] += select(1.0, 0.0, finite);
  }`,
  },
  define: ({ sums, limit, norm, scale, skipped }, { count }) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += sums[i]!;
    const finite = Math.fround(total) < Infinity;
    const length = Math.sqrt(total);
    norm[0] = length;
    scale[0] = finite ? Math.min(1, limit[0]! / (length + 1e-6)) : 0;
    skipped[0]! += finite ? 0 : 1;
  },
  cost: ({ count }) => ({ bytes: 4 * count, flops: count }),
});
