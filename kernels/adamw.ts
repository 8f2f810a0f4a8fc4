import { defineKernel, type Kernel } from "./kernel.ts";
import { adamwSimd } from "./update_simd.ts";

/** Numbers that share their decay and their scale of the learning rate. */
export const PARAMETER_BLOCK = 64;

/**
 * One step of AdamW (Loshchilov and Hutter, 2017, arXiv:1711.05101, algorithm
 * 2) on gradients times `scale`; nothing changes when that is 0.
 *
 * x, g, m, v: [length]; blocks: [length / 64, 2], whether a block decays and
 * the factor of its learning rate; scale: [1];
 * settings: lr, 1 - beta1, 1 - beta2, eps, weight decay, and the corrections
 * 1 - beta1^t, 1 - beta2^t.
 */
export const adamwKernel: Kernel<
  "g" | "blocks" | "settings" | "scale" | "x" | "m" | "v",
  "length"
> = defineKernel({
  name: "adamw",
  reads: { g: "f32", blocks: "f32", settings: "f32", scale: "f32" },
  writes: { x: "f32", m: "f32", v: "f32" },
  sizes: ["length"],
  wgsl: {
    items: ({ length }) => length / 4,
    vectors: ["g", "x", "m", "v"],
    body: `
  if (scale[0] == 0.0) { return; }
  let block = id / ${PARAMETER_BLOCK / 4}u * 2u;
  let lr = settings[0] * blocks[block + 1u];
  let grad = g[id] * scale[0];
  let mean = m[id] + settings[1] * (grad - m[id]);
  let square = v[id] + settings[2] * (grad * grad - v[id]);
  let root = sqrt(square / settings[6]) + settings[3];
  let kept = x[id] * (1.0 - lr * settings[4] * blocks[block]);
  x[id] = kept - lr / settings[5] * mean / root;
  m[id] = mean;
  v[id] = square;`,
  },
  define: ({ g, blocks, settings, scale, x, m, v }, { length }) => {
    if (scale[0] === 0) return;
    const factor = scale[0]!;
    const rate1 = settings[1]!;
    const rate2 = settings[2]!;
    const eps = settings[3]!;
    const correction2 = settings[6]!;
    for (let first = 0; first < length; first += PARAMETER_BLOCK) {
      const block = first / PARAMETER_BLOCK * 2;
      const lr = settings[0]! * blocks[block + 1]!;
      const keep = 1 - lr * settings[4]! * blocks[block]!;
      const step = lr / settings[5]!;
      for (let i = first; i < first + PARAMETER_BLOCK; i++) {
        const grad = g[i]! * factor;
        const mean = m[i]! + rate1 * (grad - m[i]!);
        const square = v[i]! + rate2 * (grad * grad - v[i]!);
        x[i] = x[i]! * keep - step * mean /
            (Math.sqrt(square / correction2) + eps);
        m[i] = mean;
        v[i] = square;
      }
    }
  },
  simd: adamwSimd(PARAMETER_BLOCK),
  cost: ({ length }) => ({ bytes: 28 * length, flops: 15 * length }),
});
