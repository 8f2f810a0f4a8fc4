import { lastOfKernel, tallyKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

formsTest(
  lastOfKernel,
  [1, 2, 63, 64, 65, 300].map((count) => {
    // Lengths 0 to 3 in turn; an empty segment may come first.
    const ends: number[] = [];
    for (let i = 0; i < count; i++) ends.push((ends.at(-1) ?? 0) + i % 4);
    return {
      buffers: {
        x: Math.max(ends.at(-1)!, 1),
        starts: [0, ...ends.slice(0, -1)],
        ends,
        out: count,
      },
      sizes: { count },
    };
  }),
  EXACT,
);

formsTest(
  tallyKernel,
  [1, 2, 100].map((count) => ({
    buffers: {
      counts: Array.from({ length: count }, (_, i) => 3 * i + 1),
      out: 1,
    },
    sizes: { count },
  })),
  EXACT,
);
