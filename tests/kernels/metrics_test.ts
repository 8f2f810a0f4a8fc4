import { recordKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

formsTest(
  recordKernel,
  [1, 2, 3, 4].map((count) => ({
    buffers: { a: 1, b: 1, c: 1, d: 1, ring: 9 },
    sizes: { at: 2, count },
  })),
  EXACT,
);
