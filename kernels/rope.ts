import { defineKernel, type Kernel } from "./kernel.ts";
import { ropeSimd } from "./rope_simd.ts";

/**
 * Rotates each pair of numbers (x_2i, x_2i+1) of the first `columns` columns by
 * the angle of its row's position, and copies the rest (Su et al., 2021,
 * arXiv:2104.09864). `direction` is 1, or -1 to rotate back.
 *
 * x, out: [rows, width]; table: [anything, headWidth], cosine and sine of each
 * pair's angle, by position; positions: [rows]. `columns` and `width` are
 * multiples of the even `headWidth`.
 */
export const ropeKernel: Kernel<
  "x" | "table" | "positions" | "out",
  "rows" | "width" | "columns" | "headWidth" | "direction"
> = defineKernel({
  name: "rope",
  reads: { x: "f32", table: "f32", positions: "u32" },
  writes: { out: "f32" },
  sizes: ["rows", "width", "columns", "headWidth", "direction"],
  fractions: ["direction"],
  wgsl: {
    items: ({ rows, width }) => rows * width / 2,
    body: `
  let pairs = sizes.width / 2u;
  let row = id / pairs;
  let column = 2u * (id % pairs);
  let at = 2u * id;
  let a = x[at];
  let b = x[at + 1u];
  if (column < sizes.columns) {
    let angle = positions[row] * sizes.headWidth + column % sizes.headWidth;
    let cosine = table[angle];
    let sine = sizes.direction * table[angle + 1u];
    out[at] = a * cosine - b * sine;
    out[at + 1u] = a * sine + b * cosine;
  } else {
    out[at] = a;
    out[at + 1u] = b;
  }`,
  },
  define: (
    { x, table, positions, out },
    { rows, width, columns, headWidth, direction },
  ) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < width; column += 2) {
        const at = row * width + column;
        const [a, b] = [x[at]!, x[at + 1]!];
        if (column < columns) {
          const angle = positions[row]! * headWidth + column % headWidth;
          const cosine = table[angle]!;
          const sine = direction * table[angle + 1]!;
          out[at] = a * cosine - b * sine;
          out[at + 1] = a * sine + b * cosine;
        } else {
          out[at] = a;
          out[at + 1] = b;
        }
      }
    }
  },
  simd: ropeSimd,
  cost: ({ rows, width, columns }) => ({
    bytes: 8 * rows * width,
    flops: 3 * rows * columns,
  }),
});
