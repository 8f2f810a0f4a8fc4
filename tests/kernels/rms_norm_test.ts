import { assertEquals } from "@std/assert";
import {
  normGradBlock,
  rmsNormGradAddedKernel,
  rmsNormGradKernel,
  rmsNormKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const SHAPES = [[1, 1], [3, 5], [33, 64], [2, 1028], [2, 261]] as const;

formsTest(
  rmsNormKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: { x: rows * cols, gain: cols, out: rows * cols, rstd: rows },
    sizes: { rows, cols, eps: 0.125 },
  })),
  sumOf(1028),
);

for (const kernel of [rmsNormGradKernel, rmsNormGradAddedKernel]) {
  formsTest(
    kernel,
    SHAPES.map(([rows, cols]) => ({
      buffers: {
        x: rows * cols,
        gain: cols,
        rstd: rows,
        g: rows * cols,
        base: rows * cols,
        dx: rows * cols,
        dgains: Math.ceil(rows / 4) * cols,
      },
      sizes: { rows, cols, block: 4 },
    })),
    sumOf(1028),
  );
}

Deno.test("normGradBlock() stays within the turns of an invocation", () => {
  for (const cols of [1, 511, 1024, 4096, 21_845]) {
    const block = normGradBlock(cols);
    assertEquals(3 * block * cols <= 65_535 && block >= 1, true, `${cols}`);
  }
  assertEquals(normGradBlock(512), 16);
});
