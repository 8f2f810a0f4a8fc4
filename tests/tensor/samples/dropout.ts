import { dropout } from "../../../tensor/mod.ts";
import { threefry2x32 } from "../../../kernels/threefry.ts";
import { indices, numbers, type Sample } from "../sample.ts";

const RATE = 0.25;
const STREAM = 3;

/** Two elements share the two words of one counter. */
export const dropoutSamples: readonly Sample[] = [[1], [5, 7], [2, 2, 33]].map(
  (shape) => ({
    op: "dropout",
    note: `of [${shape}]`,
    inputs: [numbers(shape), indices([11, 0xfffffff0])],
    run: (x, key) => dropout(x!, { rate: RATE, key: key!, stream: STREAM }),
    reference: (x, key) => {
      const words = new Uint32Array(2);
      return x!.map((v, i) => {
        threefry2x32(key![0]!, key![1]!, Math.floor(i / 2), STREAM, words);
        return words[i % 2]! < RATE * 2 ** 32 ? 0 : v / (1 - RATE);
      });
    },
  }),
);
