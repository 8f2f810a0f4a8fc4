import { copyKernel, fillKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** One, a workgroup ± 1, and a length that leaves the end alone. */
const LENGTHS = [1, 63, 65, 1000];

formsTest(
  copyKernel,
  LENGTHS.map((length) => ({
    buffers: { x: length + 3, out: length + 3 },
    sizes: { length },
  })),
  EXACT,
);

formsTest(
  fillKernel,
  LENGTHS.map((length) => ({
    buffers: { out: length + 3 },
    sizes: { length, value: -1.5 },
  })),
  EXACT,
);
