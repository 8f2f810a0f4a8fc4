import { adamwKernel } from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const LENGTH = 192;

formsTest(
  adamwKernel,
  [0, 0.25].map((scale) => ({
    buffers: {
      g: LENGTH,
      blocks: [1, 1, 0, 0.5, 1, 2],
      settings: [0.125, 0.1, 0.05, 1e-3, 0.5, 0.2, 0.1],
      scale: [scale],
      x: LENGTH,
      m: LENGTH,
      v: Array.from({ length: LENGTH }, (_, i) => i / 64),
    },
    sizes: { length: LENGTH },
  })),
  sumOf(10),
);
