import { trackQuantileKernel } from "../../kernels/mod.ts";
import type { Tolerance } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** The score itself is found exactly; a few roundings of the move to it. */
const MOVED: Tolerance = { absolute: 1e-6, relative: 3e-7 };

formsTest(
  trackQuantileKernel,
  [1, 2, 3, 255, 256, 257, 3000].flatMap((units) =>
    [[0, 0], [0, 1], [1, 0], [1, 1]].flatMap(([rise = 0, lookback = 0]) =>
      [0, 0.25, 0.8, 1].map((quantile) => ({
        buffers: {
          scores: units,
          documents: Array.from(
            { length: units },
            (_, unit) => unit - unit % 100,
          ),
          groups: [units % 5, Math.floor(units / 2)],
          state: [0.5, units % 7],
        },
        sizes: { units, sequences: 2, rise, lookback, quantile, rate: 0.2 },
      }))
    )
  ),
  MOVED,
);
