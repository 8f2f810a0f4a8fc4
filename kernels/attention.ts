import { attentionRowSimd } from "./attention_row_simd.ts";
import { attentionSimd } from "./attention_simd.ts";
import { attentionForms } from "./attention_wgsl.ts";
import type { AttentionBuffer, AttentionSize } from "./attention_layout.ts";
import { ATTENTION_SIZES, perHeadWidth } from "./head.ts";
import { defineKernel, type Kernel } from "./kernel.ts";
import { LOWEST } from "./rows.ts";
import { upTo } from "./wasm/form.ts";

/** Queries that would leave most lanes of a tile idle. */
const FEW = 2;

/**
 * Interval attention for heads of width E: out_i = Σ_j softmax_j(q_i·k_j / √E)
 * v_j, where query i sees the keys of its interval only. An empty interval gives
 * zeros, and so does one all of whose scores are -Infinity. No row of weights is stored: the softmax is computed on the way
 * (Milakov and Gimelshein, 2018, arXiv:1805.02867).
 *
 * q: [queries, qStride], whose first heads E columns are read;
 * kv: [keys, kvStride], keys from column `kOffset` on, values behind them;
 * ends: [queries, 2], first key seen and end; out: [queries, heads E];
 * lse: [heads, queries], log of the sum of the exponentials of the scores, 0
 * where there is none.
 */
export const attentionKernel: (
  headWidth: number,
) => Kernel<AttentionBuffer, AttentionSize> = perHeadWidth((headWidth) => {
  const scale = 1 / Math.sqrt(headWidth);
  return defineKernel<AttentionBuffer, AttentionSize>({
    name: `attention_${headWidth}`,
    reads: { q: "f32", kv: "f32", ends: "u32" },
    writes: { out: "f32", lse: "f32" },
    sizes: ATTENTION_SIZES,
    wgsl: attentionForms(headWidth),
    define: (
      { q, kv, ends, out, lse },
      { queries, heads, qStride, kvStride, kOffset },
    ) => {
      const width = heads * headWidth;
      for (let query = 0; query < queries; query++) {
        const lo = ends[2 * query]!;
        const hi = ends[2 * query + 1]!;
        for (let head = 0; head < heads; head++) {
          const column = head * headWidth;
          const weights = new Float64Array(hi - lo);
          let top = -Infinity;
          for (let key = lo; key < hi; key++) {
            const k = key * kvStride + kOffset + column;
            let score = 0;
            for (let e = 0; e < headWidth; e++) {
              score += q[query * qStride + column + e]! * kv[k + e]!;
            }
            weights[key - lo] = scale * score;
            top = Math.max(top, scale * score);
          }
          let total = 0;
          for (let j = 0; j < weights.length; j++) {
            const weight = Math.exp(weights[j]! - Math.max(top, LOWEST));
            total += weights[j] = weight;
          }
          const result = query * width + column;
          const sum = new Float64Array(headWidth);
          for (let key = lo; key < hi; key++) {
            const v = key * kvStride + kOffset + width + column;
            const share = total === 0 ? 0 : weights[key - lo]! / total;
            for (let e = 0; e < headWidth; e++) sum[e]! += share * kv[v + e]!;
          }
          out.set(sum, result);
          lse[head * queries + query] = total === 0 ? 0 : top + Math.log(total);
        }
      }
    },
    simd: upTo({ size: "queries", most: FEW }, {
      few: attentionRowSimd(headWidth),
      many: attentionSimd(headWidth),
    }),
    cost: ({ queries, heads, pairs }) => ({
      bytes: 8 * queries * heads * headWidth,
      flops: 4 * pairs * heads * headWidth,
    }),
  });
});
