import { assert, assertEquals } from "@std/assert";
import { smoothGradKernel, smoothKernel } from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Two sequences of 4 groups over 9 rows; the empty ones begin at any row. */
const STARTS = [0, 0, 2, 9, 5, 6, 9, 9];
const ENDS = [0, 2, 5, 9, 6, 9, 9, 9];
const GATES = [1, 0.5, 0.25, 0.5, 0.5, 1, 1e-4, 0.5, 0.5];

const SIZES = [1, 3, 4, 65].map((cols) => ({ sequences: 2, length: 4, cols }));

formsTest(
  smoothKernel,
  SIZES.map((sizes) => ({
    buffers: {
      x: 8 * sizes.cols,
      gates: GATES,
      starts: STARTS,
      ends: ENDS,
      out: 8 * sizes.cols,
      shares: 8,
    },
    sizes,
  })),
  sumOf(4),
);

formsTest(
  smoothGradKernel,
  SIZES.map((sizes) => ({
    buffers: {
      x: 8 * sizes.cols,
      shares: [0, 1, 0.25, 0, 1, 1e-4, 0, 0],
      out: 8 * sizes.cols,
      g: 8 * sizes.cols,
      dx: 8 * sizes.cols,
      dshares: 8 * sizes.cols,
    },
    sizes,
  })),
  sumOf(4),
);

Deno.test("smoothKernel mixes groups within their sequences", () => {
  const x = Float64Array.of(7, 8, 4, 9, 6, 2, 3, 1);
  const out = new Float64Array(8).fill(NaN);
  const shares = new Float64Array(8);
  smoothKernel.define({
    x,
    gates: Float64Array.from(GATES),
    starts: Uint32Array.from(STARTS),
    ends: Uint32Array.from(ENDS),
    out,
    shares,
  }, { sequences: 2, length: 4, cols: 1 });
  assertEquals([...shares], [0, 1, 0.25, 0, 1, 1e-4, 0, 0]);
  assertEquals([...out.subarray(0, 5)], [0, 8, 7, 7, 6]);
  assert(out.every(Number.isFinite));
});
