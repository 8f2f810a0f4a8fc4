import {
  groupBoundsKernel,
  groupSequenceKernel,
  groupUnitsKernel,
  markUnitsKernel,
} from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Two sequences of 4 and 5 rows: 3 units, then two documents of 2 and 3. */
const DOCUMENTS = [0, 0, 0, 3, 4, 4, 6, 6, 6];
const FIRSTS = [0, 4, 9];
const UNIT_COUNTS = [3, 5];
/** The same units in groups, of which each sequence has room for 6. */
const IDS = {
  0: [0, 1, 1, 12, 6, 7, 8, 9, 9],
  1: [1, 2, 2, 12, 7, 8, 10, 11, 11],
};
const SWITCH = [0, 1] as const;

formsTest(
  markUnitsKernel,
  [0, 2].flatMap((every) =>
    SWITCH.flatMap((rise) =>
      SWITCH.map((lookback) => ({
        buffers: {
          scores: [9, 1, 2, 9, 3, 1, 1, 0.5, 2.5],
          threshold: [1, 7],
          documents: DOCUMENTS,
          marks: 9,
        },
        sizes: { units: 9, rise, lookback, every },
      }))
    )
  ),
  EXACT,
);

formsTest(
  groupUnitsKernel,
  [1, 2, 9].flatMap((most) =>
    [2, 4, 6].flatMap((capacity) =>
      SWITCH.map((lookback) => ({
        buffers: {
          marks: [3, lookback, 0, 3, 3, 1, 3, lookback, 1],
          firsts: FIRSTS,
          unitCounts: UNIT_COUNTS,
          ids: 9,
          readable: 9,
          unitsSee: 18,
          counts: 2,
          overflow: 2,
        },
        sizes: {
          ...{ sequences: 2, units: 9, slots: 2 },
          ...{ lookback, most, capacity },
        },
      }))
    )
  ),
  EXACT,
);

formsTest(
  groupBoundsKernel,
  SWITCH.map((lookback) => ({
    buffers: {
      ids: IDS[lookback],
      documents: DOCUMENTS,
      firsts: FIRSTS,
      unitCounts: UNIT_COUNTS,
      starts: 12,
      ends: 12,
      groupDocuments: 12,
      isNull: 12,
    },
    sizes: { groups: 12, capacity: 6, lookback },
  })),
  EXACT,
);

formsTest(
  groupSequenceKernel,
  [1, 2, 6].flatMap((window) =>
    SWITCH.map((lookback) => ({
      buffers: {
        documents: [0, 0, 0, 0, 4, 4],
        starts: [0, lookback ? 0 : 1, 2, 5, 6, lookback ? 6 : 7],
        ends: [lookback ? 0 : 1, 2, 5, 6, lookback ? 6 : 7, 9],
        positions: 6,
        sees: 12,
        slotsSee: 36,
      },
      sizes: { groups: 6, lookback, window, slots: 3 },
    }))
  ),
  EXACT,
);
