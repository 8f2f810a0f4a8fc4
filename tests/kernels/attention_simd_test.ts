import { attentionKernel } from "../../kernels/mod.ts";
import { causal } from "../../tensor/intervals.ts";
import { sumOf } from "../support/close.ts";
import { Draw } from "../support/for_all.ts";
import { simdTest } from "../support/simd.ts";
import { pairsOf, randomEnds } from "./attention_case.ts";

/** Queries by keys, around whole tiles and blocks. */
const SIZES = [[1, 1], [2, 130], [8, 48], [9, 49], [7, 200], [60, 5]] as const;

for (const headWidth of [1, 4, 6, 13]) {
  simdTest(
    attentionKernel(headWidth),
    [
      ...SIZES.map(([queries, keys], i) => ({
        ends: randomEnds(new Draw(i), queries, keys),
        keys,
      })),
      { ends: causal([100, 3]), keys: 103 },
    ].map(({ ends, keys }) => {
      const queries = ends.lo.length;
      const heads = 2;
      const width = heads * headWidth;
      return {
        buffers: {
          q: queries * (width + 1),
          kv: keys * 3 * width,
          ends: pairsOf(ends),
          out: queries * width,
          lse: heads * queries,
        },
        sizes: {
          queries,
          heads,
          qStride: width + 1,
          kvStride: 3 * width,
          kOffset: width,
          pairs: queries * keys,
          longest: keys,
        },
      };
    }),
    { ...sumOf(200), relative: 1e-4 },
  );
}
