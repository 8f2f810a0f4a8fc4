import {
  segmentExtremeGradKernel,
  segmentMaxKernel,
  segmentMinKernel,
  segmentSpreadKernel,
  segmentSumKernel,
} from "../../kernels/mod.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const COLS = [1, 3, 4, 5, 61];
const NONE = 0xffffffff;

// Eleven rows; the second segment is empty, and the last row is in none.
const starts = [0, 3, 3, 4];
const ends = [3, 3, 4, 10];
const ids = [0, 0, 0, 2, 3, 3, 3, 3, 3, 3, NONE];
const [rows, segments] = [ids.length, starts.length];

for (const kernel of [segmentMaxKernel, segmentMinKernel]) {
  simdTest(
    kernel,
    COLS.flatMap((cols) => {
      // In a tie the first row wins.
      const tied = Array.from({ length: rows * cols }, (_, i) => i % 2);
      return [rows * cols, tied].map((x) => ({
        buffers: {
          ...{ x, starts, ends },
          out: segments * cols,
          chosen: segments * cols,
        },
        sizes: { segments, cols },
      }));
    }),
    ELEMENTWISE,
  );
}

simdTest(
  segmentExtremeGradKernel,
  COLS.map((cols) => ({
    buffers: {
      g: segments * cols,
      chosen: Array.from(
        { length: segments * cols },
        (_, i) => [i % 3, NONE, 3, 4 + i % 6][Math.floor(i / cols)]!,
      ),
      ids,
      dx: rows * cols,
    },
    sizes: { rows, segments, cols },
  })),
  ELEMENTWISE,
);

for (const mean of [0, 1]) {
  simdTest(
    segmentSumKernel,
    COLS.map((cols) => ({
      buffers: { x: rows * cols, starts, ends, out: segments * cols },
      sizes: { segments, cols, mean },
    })),
    ELEMENTWISE,
  );
  simdTest(
    segmentSpreadKernel,
    COLS.map((cols) => ({
      buffers: { x: segments * cols, ids, starts, ends, out: rows * cols },
      sizes: { rows, segments, cols, mean },
    })),
    ELEMENTWISE,
  );
}
