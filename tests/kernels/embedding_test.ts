import {
  embeddingAddedKernel,
  embeddingGradAddedKernel,
  embeddingGradKernel,
  embeddingKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const SHAPES = [[1, 1, 1], [7, 3, 5], [9, 18, 8], [20_000, 1, 4]] as const;

for (const kernel of [embeddingKernel, embeddingAddedKernel]) {
  formsTest(
    kernel,
    SHAPES.map(([rows, each, cols]) => ({
      buffers: {
        table: 40 * cols,
        ids: Array.from({ length: rows * each }, (_, i) => i * 7 % 40),
        base: rows * cols,
        out: rows * cols,
      },
      sizes: { rows, each, cols },
    })),
    sumOf(18),
  );
}

/** Uses of four table rows; the last is as long as the loops allow twice. */
const ENDS = [0, 5, 5, 9, 150_009];

for (const kernel of [embeddingGradKernel, embeddingGradAddedKernel]) {
  formsTest(
    kernel,
    [1, 4].map((cols) => ({
      buffers: {
        g: 50 * cols,
        order: Array.from({ length: 150_009 }, (_, i) => i % 50),
        offsets: ENDS,
        base: 4 * cols,
        dtable: 4 * cols,
      },
      sizes: { ids: 4, cols, longest: 150_000 },
    })),
    { absolute: 1e-3, relative: 1e-4 }, // 150,000 f32 additions in a row
  );
}
