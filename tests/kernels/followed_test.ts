import { followedKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Documents of 1 to 6 units in turn, then empty groups. */
function positions(count: number): number[] {
  const found: number[] = [];
  for (let length = 1; found.length < count - 3; length = length % 6 + 1) {
    for (let i = 0; i < length; i++) found.push(i);
  }
  return [...found, 0, 0, 0].slice(0, count);
}

formsTest(
  followedKernel,
  [1, 2, 3, 64, 65, 257].map((count) => ({
    buffers: { positions: positions(count), out: count },
    sizes: { count },
  })),
  EXACT,
);
