import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * 1 where a unit is followed by two more of its document, so that the next one
 * is surely complete; otherwise 0. positions, out: [count]
 */
export const followedKernel: Kernel<"positions" | "out", "count"> =
  defineKernel({
    name: "followed",
    reads: { positions: "u32" },
    writes: { out: "f32" },
    sizes: ["count"],
    wgsl: {
      items: ({ count }) => count,
      body: `
  let last = sizes.count - 1u;
  let here = positions[id];
  let next = positions[min(id + 1u, last)];
  let second = positions[min(id + 2u, last)];
  out[id] = select(0.0, 1.0, next == here + 1u && second == here + 2u);`,
    },
    define: ({ positions, out }, { count }) => {
      for (let i = 0; i < count; i++) {
        const here = positions[i]!;
        const next = positions[Math.min(i + 1, count - 1)];
        const second = positions[Math.min(i + 2, count - 1)];
        out[i] = Number(next === here + 1 && second === here + 2);
      }
    },
    cost: ({ count }) => ({ bytes: 8 * count, flops: 0 }),
  });
