import {
  attentionGradKvKernel,
  attentionGradQKernel,
} from "../../kernels/mod.ts";
import { causal } from "../../tensor/intervals.ts";
import { sumOf } from "../support/close.ts";
import { Draw } from "../support/for_all.ts";
import { simdTest } from "../support/simd.ts";
import { inverse, pairsOf, randomEnds } from "./attention_case.ts";

const HEADS = 2;
const TOLERANCE = { ...sumOf(400), relative: 1e-4 };

/** Queries by keys, around whole tiles and blocks. */
const CASES = [
  ...([[1, 1], [8, 48], [49, 9], [7, 60], [60, 5]] as const).map((
    [queries, keys],
    i,
  ) => ({ ends: randomEnds(new Draw(i), queries, keys), keys })),
  { ends: causal([55, 3]), keys: 58 },
];

for (const headWidth of [1, 4, 13]) {
  const width = HEADS * headWidth;
  const launches = CASES.map(({ ends, keys }) => {
    const queries = ends.lo.length;
    return {
      buffers: {
        g: queries * width,
        out: queries * width,
        q: queries * (width + 1),
        kv: keys * 3 * width,
        // Above all scores, as a logarithm of their sum would be.
        lse: Array.from({ length: HEADS * queries }, (_, i) => 14 + i % 3),
        delta: HEADS * queries,
        dq: queries * (width + 1),
        dkv: keys * 3 * width,
      },
      sizes: {
        queries,
        keys,
        heads: HEADS,
        qStride: width + 1,
        kvStride: 3 * width,
        kOffset: width,
        pairs: queries * keys,
        longest: Math.max(queries, keys),
      },
      ofQueries: pairsOf(ends),
      ofKeys: pairsOf(inverse(ends, keys)),
    };
  });
  simdTest(
    attentionGradQKernel(headWidth),
    launches.map(({ buffers, sizes, ofQueries }) => ({
      buffers: { ...buffers, ends: ofQueries },
      sizes,
    })),
    TOLERANCE,
  );
  simdTest(
    attentionGradKvKernel(headWidth),
    launches.map(({ buffers, sizes, ofKeys }) => ({
      buffers: { ...buffers, ends: ofKeys },
      sizes,
    })),
    TOLERANCE,
  );
}
