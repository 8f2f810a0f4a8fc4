import { defineKernel, type Kernel } from "./kernel.ts";
import { columnSumSimd } from "./row_sum_simd.ts";
import { LOOP_TURNS } from "./rows.ts";

/** Vectors of columns that a workgroup adds up on a real GPU. */
const ACROSS = 8;

/** Invocations that share one of them. */
const STRANDS = 32;

/** Sum of the rows of a matrix, in an order that never changes. */
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
  let halves = "";
  for (let half = ACROSS * STRANDS / 2; half >= ACROSS; half /= 2) {
    halves += `if (lane < ${half}u) { shares[lane] += shares[lane + ${half}u]; }
  workgroupBarrier();
  `;
  }
  return defineKernel({
    name: based ? "column_sum_added" : "column_sum",
    reads: { x: "f32", ...(based ? { base: "f32" as const } : {}) },
    writes: { out: "f32" },
    sizes: ["rows", "cols"],
    wgsl: [
      {
        per: "workgroup",
        threads: ACROSS * STRANDS,
        items: ({ cols }) => Math.ceil(cols / 4 / ACROSS),
        vectors: ["x", "base", "out"],
        declarations: `var<workgroup> shares: array<vec4f, ${
          ACROSS * STRANDS
        }>;`,
        body: `
  let cols = sizes.cols / 4u;
  let column = group * ${ACROSS}u + lane % ${ACROSS}u;
  let at = min(column, cols - 1u);
  var sum = vec4f();
  for (var row = lane / ${ACROSS}u; row < sizes.rows; row += ${STRANDS}u) {
    sum += x[row * cols + at];
  }
  shares[lane] = sum;
  workgroupBarrier();
  ${halves}
  if (lane < ${ACROSS}u && column < cols) {
    out[column] = ${based ? "base[column] + " : ""}shares[lane];
  }`,
        fits: (_, { rows, cols }) =>
          cols % 4 === 0 && rows <= LOOP_TURNS * STRANDS,
        prefers: (device, { rows }) => device !== "software" && rows > STRANDS,
      },
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
