import {
  entropyGradKernel,
  entropyKernel,
  softmaxGradKernel,
  softmaxKernel,
  tokenNatsGradKernel,
  tokenNatsKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const SHAPES = [[1, 1], [2, 3], [3, 4], [5, 7], [3, 260], [4, 129]] as const;

for (
  const kernel of [
    softmaxKernel,
    softmaxGradKernel,
    tokenNatsKernel,
    tokenNatsGradKernel,
    entropyKernel,
    entropyGradKernel,
  ]
) {
  simdTest<string, "rows" | "cols">(
    kernel,
    SHAPES.map(([rows, cols]) => ({
      buffers: {
        ...{ x: rows * cols, y: rows * cols, dx: rows * cols },
        ...{ logits: rows * cols, dlogits: rows * cols, out: rows * cols },
        ...{ nats: rows, top: rows, rest: rows },
        g: kernel === softmaxGradKernel ? rows * cols : rows,
        // Every third row has no target.
        targets: Array.from(
          { length: rows },
          (_, row) => row % 3 === 2 ? cols : 5 * row % cols,
        ),
      },
      sizes: { rows, cols },
    })),
    sumOf(260),
  );
}
