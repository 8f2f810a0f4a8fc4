import { defineKernel, type Kernel } from "./kernel.ts";
import { embeddingGradSimd, embeddingSimd } from "./row_sum_simd.ts";
import { LOOP_TURNS } from "./rows.ts";

/** Sum of table rows for each output row. */
export type EmbeddingKernel = Kernel<
  "table" | "ids" | "base" | "out",
  "rows" | "each" | "cols"
>;

/**
 * out[r] = sum over t of table[ids[r, t]], plus base[r] where the kernel
 * `based` reads it. table: [*, cols]; ids: [rows, each]; base, out: [rows, cols].
 */
function embedding(based: boolean): EmbeddingKernel {
  const body = (type: string, width: number): string => `
  let cols = sizes.cols / ${width}u;
  let first = id / cols * sizes.each;
  let column = id % cols;
  var sum = ${based ? "base[id]" : `${type}()`};
  for (var t = 0u; t < sizes.each; t++) {
    sum += table[ids[first + t] * cols + column];
  }
  out[id] = sum;`;
  return defineKernel({
    name: based ? "embedding_added" : "embedding",
    reads: {
      table: "f32",
      ids: "u32",
      ...(based ? { base: "f32" as const } : {}),
    },
    writes: { out: "f32" },
    sizes: ["rows", "each", "cols"],
    wgsl: [
      {
        items: ({ rows, cols }) => rows * cols / 4,
        vectors: ["table", "base", "out"],
        body: body("vec4f", 4),
        fits: (_, { each, cols }) => each <= LOOP_TURNS && cols % 4 === 0,
      },
      {
        items: ({ rows, cols }) => rows * cols,
        body: body("f32", 1),
        fits: (_, { each }) => each <= LOOP_TURNS,
      },
    ],
    define: ({ table, ids, base, out }, { rows, each, cols }) => {
      for (let row = 0; row < rows; row++) {
        const to = row * cols;
        if (based) {
          for (let c = 0; c < cols; c++) out[to + c] = base[to + c]!;
        } else out.fill(0, to, to + cols);
        for (let t = row * each; t < (row + 1) * each; t++) {
          const from = ids[t]! * cols;
          for (let c = 0; c < cols; c++) out[to + c]! += table[from + c]!;
        }
      }
    },
    simd: embeddingSimd(based),
    cost: ({ rows, each, cols }) => ({
      bytes: 4 * rows * cols * (each + 1),
      flops: rows * each * cols,
    }),
  });
}

/** Sums of table rows. */
export const embeddingKernel: EmbeddingKernel = embedding(false);

/** Sums of table rows and of `base`. */
export const embeddingAddedKernel: EmbeddingKernel = embedding(true);

/** Gradient of {@linkcode EmbeddingKernel} with respect to the table. */
export type EmbeddingGradKernel = Kernel<
  "g" | "order" | "offsets" | "base" | "dtable",
  "ids" | "cols" | "longest"
>;

/**
 * dtable[i] = sum of g[order[s]] for s from offsets[i] to offsets[i + 1], plus
 * base[i] where the kernel `based` reads it. Every row of dtable is written.
 *
 * g: [*, cols]; offsets: [ids + 1]; base, dtable: [ids, cols]; `longest` is
 * an upper bound of the number of terms.
 */
function embeddingGrad(based: boolean): EmbeddingGradKernel {
  const body = (type: string, width: number): string => `
  let cols = sizes.cols / ${width}u;
  let column = id % cols;
  let end = offsets[id / cols + 1u];
  var s = offsets[id / cols];
  var sum = ${based ? "base[id]" : `${type}()`};
  for (; s + 4u <= end; s += 4u) {
    sum += (g[order[s] * cols + column] + g[order[s + 1u] * cols + column]) +
      (g[order[s + 2u] * cols + column] + g[order[s + 3u] * cols + column]);
  }
  for (; s < end; s++) { sum += g[order[s] * cols + column]; }
  dtable[id] = sum;`;
  const fits = ({ longest }: { readonly longest: number }): boolean =>
    longest / 4 + 4 <= LOOP_TURNS;
  return defineKernel({
    name: based ? "embedding_grad_added" : "embedding_grad",
    reads: {
      g: "f32",
      order: "u32",
      offsets: "u32",
      ...(based ? { base: "f32" as const } : {}),
    },
    writes: { dtable: "f32" },
    sizes: ["ids", "cols", "longest"],
    wgsl: [
      {
        items: ({ ids, cols }) => ids * cols / 4,
        vectors: ["g", "base", "dtable"],
        body: body("vec4f", 4),
        fits: (_, sizes) => sizes.cols % 4 === 0 && fits(sizes),
      },
      {
        items: ({ ids, cols }) => ids * cols,
        body: body("f32", 1),
        fits: (_, sizes) => fits(sizes),
      },
    ],
    define: ({ g, order, offsets, base, dtable }, { ids, cols }) => {
      const sum = new Float64Array(cols);
      for (let i = 0; i < ids; i++) {
        const to = i * cols;
        const end = offsets[i + 1]!;
        for (let c = 0; c < cols; c++) sum[c] = based ? base[to + c]! : 0;
        for (let s = offsets[i]!; s < end; s++) {
          const from = order[s]! * cols;
          for (let c = 0; c < cols; c++) sum[c]! += g[from + c]!;
        }
        for (let c = 0; c < cols; c++) dtable[to + c] = sum[c]!;
      }
    },
    simd: embeddingGradSimd(based),
    cost: ({ ids, cols }) => ({ bytes: 4 * ids * cols, flops: ids * cols }),
  });
}

/** Gradient alone. */
export const embeddingGradKernel: EmbeddingGradKernel = embeddingGrad(false);

/** Gradient, with the partial gradient `base` added to it. */
export const embeddingGradAddedKernel: EmbeddingGradKernel = embeddingGrad(
  true,
);
