import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * out = x, rounded to the nearest f16, ties to even; beyond 65504 it becomes
 * infinite. x, out: [length], a multiple of 4.
 */
export const narrowKernel: Kernel<"x" | "out", "length"> = defineKernel({
  name: "narrow",
  reads: { x: "f32" },
  writes: { out: "f16" },
  sizes: ["length"],
  wgsl: {
    items: ({ length }) => length / 4,
    vectors: ["x", "out"],
    body: "out[id] = vec4<f16>(x[id]);",
  },
  define: ({ x, out }, { length }) => {
    for (let i = 0; i < length; i++) out[i] = Math.f16round(x[i]!);
  },
  cost: ({ length }) => ({ bytes: 6 * length, flops: 0 }),
});
