import { assertEquals } from "@std/assert";
import {
  gradNormKernel,
  squareSums,
  squareSumsKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

Deno.test("squareSums() is one sum for four numbers, up to 8192", () => {
  assertEquals([64, 32_768, 1 << 24].map(squareSums), [16, 8192, 8192]);
});

formsTest(
  squareSumsKernel,
  [64, 32_768 + 64].map((length) => ({
    buffers: { g: length, sums: squareSums(length) + 3 },
    sizes: { length, count: squareSums(length), start: 3 },
  })),
  sumOf(8),
);

formsTest(
  gradNormKernel,
  [1, 255, 256, 9000].flatMap((count) =>
    [0.5, 1e6].map((limit) => ({
      buffers: {
        sums: Array.from({ length: count }, (_, i) => i % 5),
        limit: [limit],
        norm: 1,
        scale: 1,
        skipped: [2],
      },
      sizes: { count },
    }))
  ),
  sumOf(1),
);
