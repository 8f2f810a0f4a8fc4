import { sgdKernel } from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

formsTest(
  sgdKernel,
  [0, 0.25].map((scale) => ({
    buffers: {
      g: 192,
      blocks: [1, 1, 0, 0.5, 1, 2],
      settings: [0.125, 0.75, 0.5],
      scale: [scale],
      x: 192,
      m: 192,
    },
    sizes: { length: 192 },
  })),
  sumOf(4),
);
