import { defineKernel, type Kernel } from "./kernel.ts";
import { squareSumsSimd } from "./update_simd.ts";

/** Most sums of squares that one chunk of gradients is reduced to. */
const MAX_SUMS = 8192;

/** Number of sums that {@linkcode squareSumsKernel} makes of `length` numbers. */
export function squareSums(length: number): number {
  return Math.min(length / 4, MAX_SUMS);
}

/** Sums below this are measured anew on larger numbers. */
const TINY = 2 ** -80;
/** Powers of two change no digit: factors of numbers whose squares are tiny, */
const UP = 2 ** 96;
/** or too large for f32. */
const DOWN = 2 ** -96;

/** Whether a sum fits f32. */
function fits(sum: number): boolean {
  return Math.fround(sum) < Infinity;
}

/** Whether all bits of the exponent are set: compilers may assume they are not. */
function overflows(value: string): string {
  return `(bitcast<u32>(${value}) & 0x7f800000u) == 0x7f800000u`;
}

/**
 * sums[start + i] = squares of every `count`-th group of four numbers, from
 * group i on; scaled[start + i] the same of numbers times 2^96 where that is
 * less than 2^-80, times 2^-96 where it is not finite, and else as it was.
 * g: [length], a multiple of 4; sums, scaled: [*].
 */
export const squareSumsKernel: Kernel<
  "g" | "sums" | "scaled",
  "length" | "count" | "start"
> = defineKernel({
  name: "square_sums",
  reads: { g: "f32" },
  writes: { sums: "f32", scaled: "f32" },
  sizes: ["length", "count", "start"],
  wgsl: {
    items: ({ count }) => count,
    vectors: ["g"],
    body: `
  var squares = vec4f();
  for (var i = id; i < sizes.length / 4u; i += sizes.count) { squares += g[i] * g[i]; }
  let sum = dot(squares, vec4f(1.0));
  sums[sizes.start + id] = sum;
  let large = ${overflows("sum")};
  if (large || sum < ${TINY}) {
    let factor = select(f32(${UP}), f32(${DOWN}), large);
    squares = vec4f();
    for (var i = id; i < sizes.length / 4u; i += sizes.count) {
      let four = g[i] * factor;
      squares += four * four;
    }
    scaled[sizes.start + id] = dot(squares, vec4f(1.0));
  }`,
  },
  define: ({ g, sums, scaled }, { length, count, start }) => {
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
    sums.set(Float32Array.from(totals), start);
    for (let id = 0; id < count; id++) {
      const sum = totals[id]!;
      if (fits(sum) && sum >= TINY) continue;
      const factor = fits(sum) ? UP : DOWN;
      let squares = 0;
      for (let group = id; group < length / 4; group += count) {
        for (let i = 4 * group; i < 4 * group + 4; i++) {
          squares += (g[i]! * factor) ** 2;
        }
      }
      scaled[start + id] = squares;
    }
  },
  simd: squareSumsSimd({ tiny: TINY, up: UP, down: DOWN }),
  cost: ({ length }) => ({ bytes: 4 * length, flops: 2 * length }),
});

/** Invocations of the last stage. */
const THREADS = 256;

/** Largest root of scaled squares whose norm still fits f32. */
const MOST_ROOT = (2 - 2 ** -23) * 2 ** 127 / UP;
/** Smallest factor that every device keeps apart from 0. */
const LEAST_SCALE = 2 ** -126;

/**
 * norm = √ sum of sums, at most the largest number; scale = min(1, limit /
 * norm), but at least 2^-126, or 0 when a gradient is not finite, which
 * `skipped` counts. sums, scaled: [count], as `squareSumsKernel` leaves them; all
 * others: [1].
 */
export const gradNormKernel: Kernel<
  "sums" | "scaled" | "limit" | "norm" | "scale" | "skipped",
  "count"
> = defineKernel({
  name: "grad_norm",
  reads: { sums: "f32", scaled: "f32", limit: "f32" },
  writes: { norm: "f32", scale: "f32", skipped: "f32" },
  sizes: ["count"],
  wgsl: {
    per: "workgroup",
    threads: THREADS,
    items: () => 1,
    declarations: `
var<workgroup> shares: array<f32, ${THREADS}>;
var<workgroup> tinyShares: array<f32, ${THREADS}>;
var<workgroup> largeShares: array<f32, ${THREADS}>;`,
    body: `
  var sum = 0.0;
  var tiny = 0.0;
  var large = 0.0;
  for (var i = lane; i < sizes.count; i += ${THREADS}u) {
    let part = sums[i];
    sum += part;
    if (${overflows("part")}) {
      large += scaled[i];
    } else {
      large += part * ${DOWN} * ${DOWN};
      if (part < ${TINY}) { tiny += scaled[i]; }
    }
  }
  shares[lane] = sum;
  tinyShares[lane] = tiny;
  largeShares[lane] = large;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    tiny = 0.0;
    large = 0.0;
    for (var i = 0u; i < ${THREADS}u; i++) {
      total += shares[i];
      tiny += tinyShares[i];
      large += largeShares[i];
    }
    let overflows = ${overflows("total")};
    let finite = !(overflows && ${overflows("large")});
    var length = sqrt(total);
    if (overflows) { length = min(sqrt(large), ${MOST_ROOT}) * ${UP}; }
    else if (total < ${TINY}) { length = sqrt(tiny) * ${DOWN}; }
    norm[0] = select(bitcast<f32>(bitcast<u32>(large) | 0x7f800000u), length, finite);
    let factor = max(limit[0] / (length + 1e-6), ${LEAST_SCALE});
    scale[0] = select(0.0, min(1.0, factor), finite);
    skipped[0] += select(1.0, 0.0, finite);
  }`,
  },
  define: ({ sums, scaled, limit, norm, scale, skipped }, { count }) => {
    let total = 0;
    let tiny = 0;
    let large = 0;
    for (let i = 0; i < count; i++) {
      const sum = sums[i]!;
      total += sum;
      large += fits(sum) ? sum * DOWN * DOWN : scaled[i]!;
      if (sum < TINY) tiny += scaled[i]!;
    }
    const finite = fits(total) || fits(large);
    const length = !finite
      ? large
      : !fits(total)
      ? Math.min(Math.sqrt(large), MOST_ROOT) * UP
      : total < TINY
      ? Math.sqrt(tiny) * DOWN
      : Math.sqrt(total);
    norm[0] = length;
    const factor = Math.max(limit[0]! / (length + 1e-6), LEAST_SCALE);
    scale[0] = finite ? Math.min(1, factor) : 0;
    skipped[0]! += finite ? 0 : 1;
  },
  cost: ({ count }) => ({ bytes: 8 * count, flops: 4 * count }),
});
