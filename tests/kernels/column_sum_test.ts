import { assertThrows } from "@std/assert";
import {
  chooseForm,
  columnSumAddedKernel,
  columnSumKernel,
} from "../../kernels/mod.ts";
import { formsTest } from "../support/forms.ts";

for (const kernel of [columnSumKernel, columnSumAddedKernel]) {
  formsTest(
    kernel,
    [[1, 1], [7, 3], [300, 8], [65_535, 4]].map(([rows = 0, cols = 0]) => ({
      buffers: { x: rows * cols, base: cols, out: cols },
      sizes: { rows, cols },
    })),
    { absolute: 2e-3, relative: 1e-5 }, // 65,535 f32 additions in a row
  );
}

Deno.test("columnSumKernel refuses more rows than an invocation may add", () => {
  assertThrows(
    () => chooseForm(columnSumKernel, "software", { rows: 65_536, cols: 3 }),
    RangeError,
    "no form fits",
  );
});
