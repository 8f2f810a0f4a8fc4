import { PARAMETER_BLOCK } from "./adamw.ts";
import { defineKernel, type Kernel } from "./kernel.ts";
import { sgdSimd } from "./update_simd.ts";

/**
 * One step of gradient descent with momentum on gradients times `scale`:
 * m = momentum m + g + decay x, x -= lr m; nothing changes when scale is 0.
 *
 * x, g, m: [length]; blocks: [length / 64, 2], whether a block decays and the
 * factor of its learning rate; settings: [3], lr, momentum and weight decay;
 * scale: [1].
 */
export const sgdKernel: Kernel<
  "g" | "blocks" | "settings" | "scale" | "x" | "m",
  "length"
> = defineKernel({
  name: "sgd",
  reads: { g: "f32", blocks: "f32", settings: "f32", scale: "f32" },
  writes: { x: "f32", m: "f32" },
  sizes: ["length"],
  wgsl: {
    items: ({ length }) => length / 4,
    vectors: ["g", "x", "m"],
    body: `
  if (scale[0] == 0.0) { return; }
  let block = id / ${PARAMETER_BLOCK / 4}u * 2u;
  let decay = settings[2] * blocks[block];
  let moved = settings[1] * m[id] + g[id] * scale[0] + decay * x[id];
  x[id] -= settings[0] * blocks[block + 1u] * moved;
  m[id] = moved;`,
  },
  define: ({ g, blocks, settings, scale, x, m }, { length }) => {
    if (scale[0] === 0) return;
    const factor = scale[0]!;
    const momentum = settings[1]!;
    for (let first = 0; first < length; first += PARAMETER_BLOCK) {
      const block = first / PARAMETER_BLOCK * 2;
      const decay = settings[2]! * blocks[block]!;
      const lr = settings[0]! * blocks[block + 1]!;
      for (let i = first; i < first + PARAMETER_BLOCK; i++) {
        const moved = momentum * m[i]! + g[i]! * factor + decay * x[i]!;
        x[i]! -= lr * moved;
        m[i] = moved;
      }
    }
  },
  simd: sgdSimd(PARAMETER_BLOCK),
  cost: ({ length }) => ({ bytes: 20 * length, flops: 6 * length }),
});
