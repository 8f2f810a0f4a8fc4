import { defineKernel, type Kernel } from "./kernel.ts";

/** out = x. x, out: [length] */
export const copyKernel: Kernel<"x" | "out", "length"> = defineKernel({
  name: "copy",
  reads: { x: "f32" },
  writes: { out: "f32" },
  sizes: ["length"],
  wgsl: { items: ({ length }) => length, body: "out[id] = x[id];" },
  define: ({ x, out }, { length }) => out.set(x.subarray(0, length)),
  cost: ({ length }) => ({ bytes: 8 * length, flops: 0 }),
});

/** out = value everywhere. out: [length] */
export const fillKernel: Kernel<"out", "length" | "value"> = defineKernel({
  name: "fill",
  reads: {},
  writes: { out: "f32" },
  sizes: ["length", "value"],
  fractions: ["value"],
  wgsl: { items: ({ length }) => length, body: "out[id] = sizes.value;" },
  define: ({ out }, { length, value }) => void out.fill(value, 0, length),
  cost: ({ length }) => ({ bytes: 4 * length, flops: 0 }),
});
