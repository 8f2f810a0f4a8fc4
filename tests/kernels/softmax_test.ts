import { assertEquals } from "@std/assert";
import { softmaxGradKernel, softmaxKernel } from "../../kernels/mod.ts";
import { ELEMENTWISE, sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** One column, a prime, tile ± 1, several turns of a workgroup, many rows. */
const SHAPES = [[1, 1], [3, 5], [2, 252], [5, 256], [2, 260], [2, 1028], [
  66_000,
  4,
]] as const;

formsTest(
  softmaxKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: { x: rows * cols, out: rows * cols },
    sizes: { rows, cols },
  })),
  ELEMENTWISE,
);

formsTest(
  softmaxGradKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: { y: rows * cols, g: rows * cols, dx: rows * cols },
    sizes: { rows, cols },
  })),
  sumOf(4 * 1028), // of products up to 4
);

formsTest(
  softmaxKernel,
  [{
    buffers: { x: [1e4, 1e4 - 1, -1e4, 0, -3e38, -3e38, -3e38, 0], out: 8 },
    sizes: { rows: 2, cols: 4 },
  }],
  ELEMENTWISE,
);

Deno.test("softmaxKernel sums to one", () => {
  const out = new Float64Array(3);
  const x = Float64Array.of(1000, 1001, 999);
  softmaxKernel.define({ x, out }, { rows: 1, cols: 3 });
  assertEquals(Math.abs(out[0]! + out[1]! + out[2]! - 1) < 1e-15, true);
});
