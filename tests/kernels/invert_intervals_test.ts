import { invertIntervalsKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Interval of each query, and how many keys there are. */
const CASES: readonly (readonly [readonly number[], number])[] = [
  [[0, 1], 1],
  [[0, 1, 0, 2, 1, 3, 2, 4], 4],
  [[0, 0, 0, 3, 3, 3, 5, 7], 9],
  [[2, 2, 2, 2], 3],
];

formsTest(
  invertIntervalsKernel,
  CASES.map(([ofQueries, keys]) => ({
    buffers: { ofQueries, ofKeys: 2 * keys },
    sizes: { queries: ofQueries.length / 2, keys },
  })),
  EXACT,
);
