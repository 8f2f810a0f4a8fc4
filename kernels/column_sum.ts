import { defineKernel, type Kernel } from "./kernel.ts";
import { columnSumSimd } from "./row_sum_simd.ts";
import { LOOP_TURNS } from "./rows.ts";

/** Sum of the rows of a matrix, in their order. */
export type ColumnSumKernel = Kernel<"x" | "base" | "out", "rows" | "cols">;

/**
 * out = sum of the rows of x, plus `base` where the kernel `based` reads it.
 * x: [rows, cols]; base, out: [cols].
 */
function columnSum(based: boolean): ColumnSumKernel {
  const body = (type: string, width: number): string => `
  let cols = sizes.cols / ${width}u;
  var sum = ${based ? "base[id]" : `${type}()`};
  for (var row = 0u; row < sizes.rows; row++) { sum += x[row * cols + id]; }
  out[id] = sum;`;
  return defineKernel({
    name: based ? "column_sum_added" : "column_sum",
    reads: { x: "f32", ...(based ? { base: "f32" as const } : {}) },
    writes: { out: "f32" },
    sizes: ["rows", "cols"],
    wgsl: [
      {
        items: ({ cols }) => cols / 4,
        vectors: ["x", "base", "out"],
        body: body("vec4f", 4),
        fits: (_, { rows, cols }) => rows <= LOOP_TURNS && cols % 4 === 0,
      },
      {
        items: ({ cols }) => cols,
        body: body("f32", 1),
        fits: (_, { rows }) => rows <= LOOP_TURNS,
      },
    ],
    define: ({ x, base, out }, { rows, cols }) => {
      for (let c = 0; c < cols; c++) {
        let sum = based ? base[c]! : 0;
        for (let i = c; i < rows * cols; i += cols) sum += x[i]!;
        out[c] = sum;
      }
    },
    simd: columnSumSimd(based),
    cost: ({ rows, cols }) => ({
      bytes: 4 * (rows + 1) * cols,
      flops: rows * cols,
    }),
  });
}

/** Sum of the rows. */
export const columnSumKernel: ColumnSumKernel = columnSum(false);

/** Sum of the rows and of `base`. */
export const columnSumAddedKernel: ColumnSumKernel = columnSum(true);
