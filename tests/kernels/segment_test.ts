import {
  segmentExtremeGradKernel,
  segmentMaxKernel,
  segmentMinKernel,
  segmentSpreadKernel,
  segmentSumKernel,
} from "../../kernels/mod.ts";
import { EXACT, sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Segments of 10 rows: one row, empty, three rows, and row 4 outside. */
const STARTS = [0, 1, 1, 5, 9];
const ENDS = [1, 1, 4, 9, 10];
const IDS = [0, 2, 2, 2, 7, 3, 3, 3, 3, 4];
const WIDTHS = [1, 3, 4, 12];
const ranges = { starts: STARTS, ends: ENDS };

for (const kernel of [segmentMaxKernel, segmentMinKernel]) {
  formsTest(
    kernel,
    WIDTHS.map((cols) => ({
      buffers: {
        ...ranges,
        // Few different numbers, so that several are equal.
        x: Array.from({ length: 10 * cols }, (_, i) => i * 7 % 3 - 1),
        out: 5 * cols,
        chosen: Array<number>(5 * cols).fill(9),
      },
      sizes: { segments: 5, cols },
    })),
    EXACT,
  );
}

formsTest(
  segmentExtremeGradKernel,
  WIDTHS.map((cols) => ({
    buffers: {
      g: 5 * cols,
      chosen: Array.from({ length: 5 * cols }, (_, i) => i % 10),
      ids: IDS,
      dx: 10 * cols,
    },
    sizes: { rows: 10, segments: 5, cols },
  })),
  EXACT,
);

const MEANS = WIDTHS.flatMap((cols) => [0, 1].map((mean) => ({ cols, mean })));

formsTest(
  segmentSumKernel,
  MEANS.map(({ cols, mean }) => ({
    buffers: { ...ranges, x: 10 * cols, out: 5 * cols },
    sizes: { segments: 5, cols, mean },
  })),
  sumOf(4),
);

formsTest(
  segmentSpreadKernel,
  MEANS.map(({ cols, mean }) => ({
    buffers: { ...ranges, x: 5 * cols, ids: IDS, out: 10 * cols },
    sizes: { rows: 10, segments: 5, cols, mean },
  })),
  sumOf(1),
);
