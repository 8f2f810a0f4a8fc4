import type {
  AttentionGradKvBuffer,
  AttentionGradKvSize,
  AttentionGradQBuffer,
  AttentionSize,
} from "./attention_layout.ts";
import {
  attentionGradKvSimd,
  attentionGradQSimd,
} from "./attention_grad_simd.ts";
import { attentionGradKvForms, attentionGradQForms } from "./attention_wgsl.ts";
import { ATTENTION_SIZES, perHeadWidth } from "./head.ts";
import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * Gradient of `attentionKernel` with respect to the queries, from the saved
 * `lse` (Dao et al., 2022, arXiv:2205.14135): with weights p_ij and
 * δ_i = g_i·out_i, dq_i = Σ_j p_ij (g_i·v_j - δ_i) k_j / √E.
 *
 * g, out: [queries, heads E]; dq: laid out as q; delta: [heads, queries], left
 * for `attentionGradKvKernel`. The rest as in `attentionKernel`.
 */
export const attentionGradQKernel: (
  headWidth: number,
) => Kernel<AttentionGradQBuffer, AttentionSize> = perHeadWidth((headWidth) => {
  const scale = 1 / Math.sqrt(headWidth);
  return defineKernel<AttentionGradQBuffer, AttentionSize>({
    name: `attention_grad_q_${headWidth}`,
    reads: {
      g: "f32",
      out: "f32",
      q: "f32",
      kv: "f32",
      ends: "u32",
      lse: "f32",
    },
    writes: { dq: "f32", delta: "f32" },
    sizes: ATTENTION_SIZES,
    wgsl: attentionGradQForms(headWidth),
    define: (
      { g, out, q, kv, ends, lse, dq, delta },
      { queries, heads, qStride, kvStride, kOffset },
    ) => {
      const width = heads * headWidth;
      for (let query = 0; query < queries; query++) {
        for (let head = 0; head < heads; head++) {
          const column = head * headWidth;
          const own = query * qStride + column;
          const result = query * width + column;
          let inner = 0;
          for (let e = 0; e < headWidth; e++) {
            inner += g[result + e]! * out[result + e]!;
          }
          const row = head * queries + query;
          const sum = new Float64Array(headWidth);
          for (let key = ends[2 * query]!; key < ends[2 * query + 1]!; key++) {
            const k = key * kvStride + kOffset + column;
            let score = 0;
            let dWeight = 0;
            for (let e = 0; e < headWidth; e++) {
              score += q[own + e]! * kv[k + e]!;
              dWeight += g[result + e]! * kv[k + width + e]!;
            }
            const weight = Math.exp(scale * score - lse[row]!);
            const slope = scale * weight * (dWeight - inner);
            for (let e = 0; e < headWidth; e++) sum[e]! += slope * kv[k + e]!;
          }
          dq.set(sum, own);
          delta[row] = inner;
        }
      }
    },
    simd: attentionGradQSimd(headWidth),
    cost: ({ queries, heads, pairs }) => ({
      bytes: 16 * queries * heads * headWidth,
      flops: 6 * pairs * heads * headWidth,
    }),
  });
});

/**
 * Gradient of `attentionKernel` with respect to keys and values: with p and δ
 * as in `attentionGradQKernel`, dv_j = Σ_i p_ij g_i and
 * dk_j = Σ_i p_ij (g_i·v_j - δ_i) q_i / √E, over the queries that see key j.
 *
 * ends: [keys, 2], first query that sees the key and end; dkv: laid out as kv.
 */
export const attentionGradKvKernel: (
  headWidth: number,
) => Kernel<AttentionGradKvBuffer, AttentionGradKvSize> = perHeadWidth(
  (headWidth) => {
    const scale = 1 / Math.sqrt(headWidth);
    return defineKernel<AttentionGradKvBuffer, AttentionGradKvSize>({
      name: `attention_grad_kv_${headWidth}`,
      reads: {
        g: "f32",
        q: "f32",
        kv: "f32",
        ends: "u32",
        lse: "f32",
        delta: "f32",
      },
      writes: { dkv: "f32" },
      sizes: [...ATTENTION_SIZES, "keys"],
      wgsl: attentionGradKvForms(headWidth),
      define: (
        { g, q, kv, ends, lse, delta, dkv },
        { queries, keys, heads, qStride, kvStride, kOffset },
      ) => {
        const width = heads * headWidth;
        for (let key = 0; key < keys; key++) {
          for (let head = 0; head < heads; head++) {
            const column = head * headWidth;
            const k = key * kvStride + kOffset + column;
            const v = k + width;
            const dk = new Float64Array(headWidth);
            const dv = new Float64Array(headWidth);
            for (
              let query = ends[2 * key]!;
              query < ends[2 * key + 1]!;
              query++
            ) {
              const own = query * qStride + column;
              const result = query * width + column;
              const row = head * queries + query;
              let score = 0;
              let dWeight = 0;
              for (let e = 0; e < headWidth; e++) {
                score += q[own + e]! * kv[k + e]!;
                dWeight += g[result + e]! * kv[v + e]!;
              }
              const weight = Math.exp(scale * score - lse[row]!);
              const slope = scale * weight * (dWeight - delta[row]!);
              for (let e = 0; e < headWidth; e++) {
                dk[e]! += slope * q[own + e]!;
                dv[e]! += weight * g[result + e]!;
              }
            }
            dkv.set(dk, k);
            dkv.set(dv, v);
          }
        }
      },
      simd: attentionGradKvSimd(headWidth),
      cost: ({ keys, heads, pairs }) => ({
        bytes: 16 * keys * heads * headWidth,
        flops: 8 * pairs * heads * headWidth,
      }),
    });
  },
);
