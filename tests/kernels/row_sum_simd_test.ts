import {
  columnSumAddedKernel,
  columnSumKernel,
  embeddingAddedKernel,
  embeddingGradAddedKernel,
  embeddingGradKernel,
  embeddingKernel,
  sumKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const SHAPES = [[1, 1], [2, 3], [3, 4], [7, 5], [5, 61], [37, 128]] as const;

for (const kernel of [columnSumKernel, columnSumAddedKernel]) {
  simdTest(
    kernel,
    [...SHAPES, [0, 6] as const, [131, 20] as const].map(([rows, cols]) => ({
      buffers: { x: rows * cols, base: cols, out: cols },
      sizes: { rows, cols },
    })),
    sumOf(131),
  );
}

// Some last rows end early, before or within the last panel of columns.
simdTest(
  sumKernel,
  [[1, 1, 1], [3, 7, 1], [2, 9, 4], [3, 200, 77], [1, 131, 65], [2, 512, 3]]
    .map(([outer = 0, length = 0, width = 0]) => ({
      buffers: { x: outer * length, out: outer * width },
      sizes: { outer, length, width },
    })),
  sumOf(512),
);

for (const kernel of [embeddingKernel, embeddingAddedKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([rows, cols]) => ({
      buffers: {
        table: 5 * cols,
        ids: Array.from({ length: 3 * rows }, (_, i) => 7 * i % 5),
        base: rows * cols,
        out: rows * cols,
      },
      sizes: { rows, each: 3, cols },
    })),
    sumOf(4),
  );
}

for (const kernel of [embeddingGradKernel, embeddingGradAddedKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([ids, cols]) => {
      // Row i has i terms.
      const offsets = Array.from(
        { length: ids + 1 },
        (_, i) => i * (i - 1) / 2,
      );
      const terms = offsets[ids]!;
      return {
        buffers: {
          g: 11 * cols,
          order: Array.from({ length: terms }, (_, s) => 7 * s % 11),
          offsets,
          base: ids * cols,
          dtable: ids * cols,
        },
        sizes: { ids, cols, longest: ids - 1 },
      };
    }),
    sumOf(37),
  );
}
