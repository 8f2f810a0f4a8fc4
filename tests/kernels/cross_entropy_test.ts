import {
  targetMeanGradKernel,
  targetMeanKernel,
  targetSumsKernel,
  tokenNatsGradKernel,
  tokenNatsKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const SHAPES = [[1, 1], [3, 5], [66, 260], [5, 1028]] as const;

/** Every fourth target is masked. */
function targets(rows: number, cols: number): number[] {
  return Array.from(
    { length: rows },
    (_, row) => row % 4 === 3 ? cols + row : row * 31 % cols,
  );
}

formsTest(
  tokenNatsKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: {
      logits: rows * cols,
      targets: targets(rows, cols),
      nats: rows,
      top: rows,
      rest: rows,
    },
    sizes: { rows, cols },
  })),
  sumOf(1028),
);

formsTest(
  tokenNatsGradKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: {
      logits: rows * cols,
      targets: targets(rows, cols),
      top: rows,
      rest: rows,
      g: rows,
      dlogits: rows * cols,
    },
    sizes: { rows, cols },
  })),
  sumOf(100),
);

const ROWS = [1, 255, 257, 70_000];

formsTest(
  targetSumsKernel,
  ROWS.map((rows) => ({
    buffers: {
      nats: rows,
      targets: targets(rows, 9),
      sums: Math.ceil(rows / 256),
      counts: Array<number>(Math.ceil(rows / 256)).fill(0),
    },
    sizes: { rows, classes: 9 },
  })),
  sumOf(256),
);

formsTest(
  targetMeanKernel,
  [0, 1, 300].map((count) => ({
    buffers: {
      sums: 5,
      counts: [count, 0, count, count, 0],
      mean: 1,
      share: 1,
    },
    sizes: { blocks: 5 },
  })),
  sumOf(5),
);

formsTest(
  targetMeanGradKernel,
  ROWS.map((rows) => ({
    buffers: { g: 1, share: 1, targets: targets(rows, 9), dnats: rows },
    sizes: { rows, classes: 9 },
  })),
  sumOf(1),
);
