import { entropyGradKernel, entropyKernel } from "../../kernels/mod.ts";
import { ELEMENTWISE, sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const SHAPES = [[1, 1], [3, 5], [66, 260], [2, 1028]] as const;

formsTest(
  entropyKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: { logits: rows * cols, nats: rows, top: rows, rest: rows },
    sizes: { rows, cols },
  })),
  sumOf(1028),
);

// Sure of one class, and two alike far above the rest.
formsTest(
  entropyKernel,
  [{
    buffers: {
      logits: [1e4, 0, 0, -1e4, 1e4, 1e4, 0, 0],
      nats: 2,
      top: 2,
      rest: 2,
    },
    sizes: { rows: 2, cols: 4 },
  }],
  ELEMENTWISE,
);

formsTest(
  entropyGradKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: {
      logits: rows * cols,
      nats: rows,
      top: rows,
      rest: rows,
      g: rows,
      dlogits: rows * cols,
    },
    sizes: { rows, cols },
  })),
  sumOf(100),
);
