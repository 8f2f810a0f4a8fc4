import { defineKernel, type Kernel } from "./kernel.ts";
import { threefry2x32, THREEFRY_WGSL } from "./threefry.ts";

/**
 * out = scale x, or 0 where a random word is below `threshold`. Elements 2 i
 * and 2 i + 1 use the words of Threefry at the counter (i, stream).
 *
 * x, out: [length]; key: [2], u32.
 */
export const dropoutKernel: Kernel<
  "x" | "key" | "out",
  "length" | "stream" | "threshold" | "scale"
> = defineKernel({
  name: "dropout",
  reads: { x: "f32", key: "u32" },
  writes: { out: "f32" },
  sizes: ["length", "stream", "threshold", "scale"],
  fractions: ["scale"],
  wgsl: {
    items: ({ length }) => Math.ceil(length / 2),
    declarations: THREEFRY_WGSL,
    body: `
  let words = threefry2x32(vec2u(key[0], key[1]), vec2u(id, sizes.stream));
  let i = 2u * id;
  out[i] = select(x[i] * sizes.scale, 0.0, words.x < sizes.threshold);
  if (i + 1u < sizes.length) {
    out[i + 1u] = select(x[i + 1u] * sizes.scale, 0.0, words.y < sizes.threshold);
  }`,
  },
  define: ({ x, key, out }, { length, stream, threshold, scale }) => {
    const words = new Uint32Array(2);
    for (let i = 0; i < length; i++) {
      const word = i & 1;
      if (word === 0) threefry2x32(key[0]!, key[1]!, i / 2, stream, words);
      out[i] = words[word]! < threshold ? 0 : x[i]! * scale;
    }
  },
  cost: ({ length }) => ({ bytes: 8 * length, flops: length }),
});
