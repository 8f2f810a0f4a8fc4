/**
 * The transformer block that every part of the BLT family shares, number by
 * number.
 *
 * @module
 */
import {
  add,
  affine,
  dot,
  exp,
  log,
  type Matrix,
  max,
  mul,
  power,
  type Row,
  Scalar,
  sum,
} from "./autodiff64.ts";
import type { NamedShape, Variables } from "./weights.ts";

/** Sizes of a stack of blocks. */
export interface TransformerSizes {
  /** Number of blocks. */
  readonly layers: number;
  /** Width. */
  readonly dim: number;
  /** Attention heads; each is dim / heads wide. */
  readonly heads: number;
  /** Width inside the feed-forward part. */
  readonly hidden: number;
  /** Base of the rotary angles. */
  readonly theta: number;
  /** How many positions a query sees, itself included; may be `Infinity`. */
  readonly window: number;
}

/** Keys that a query sees: those from the first number up to the second. */
export type Interval = readonly [lo: number, hi: number];

const EPS = 1e-5;
const EOS = 2;

/** y = x Wᵀ. x: [N, in], weight: [out, in] -> [N, out] */
export function linear(x: Matrix, weight: Matrix): Matrix {
  return x.map((row) => weight.map((w) => dot(row, w)));
}

/** Elementwise sum of two [N, D]. */
export function plus(x: Matrix, y: Matrix): Matrix {
  return x.map((row, i) => row.map((value, j) => add(value, y[i]![j]!)));
}

/** Rows of root mean square 1, times gain. x: [N, D], gain: [1, D] -> [N, D] */
export function rmsNorm(x: Matrix, gain: Matrix): Matrix {
  return x.map((row) => {
    const meanSquare = affine(dot(row, row), 1 / row.length, EPS);
    const factor = power(meanSquare, -0.5);
    return row.map((value, j) => mul(mul(value, factor), gain[0]![j]!));
  });
}

/** Probabilities of one row of logits. */
export function softmax(row: Row): Row {
  // Any shift gives the same function, so it may count as a fixed number.
  const shift = max(row).value;
  const powers = row.map((x) => exp(affine(x, 1, -shift)));
  const factor = power(sum(powers), -1);
  return powers.map((x) => mul(x, factor));
}

/** ln Σ eˣ of one row. */
export function logSumExp(row: Row): Scalar {
  const shift = max(row).value;
  const total = sum(row.map((x) => exp(affine(x, 1, -shift))));
  return affine(log(total), 1, shift);
}

/** x / (1 + e⁻ˣ) */
export function silu(x: Scalar): Scalar {
  return mul(x, power(affine(exp(affine(x, -1, 0)), 1, 1), -1));
}

/**
 * Rotary position embedding of interleaved pairs (Su et al., 2021,
 * arXiv:2104.09864): in each head, pair i at position p turns by
 * p theta^(-2i / width). x: [N, D] -> [N, D]
 */
export function rope(x: Matrix, heads: number, theta: number): Matrix {
  return x.map((row, position) => {
    const width = row.length / heads;
    return row.map((_, j) => {
      const even = j - j % 2;
      const angle = position * theta ** (-(even % width) / width);
      const sine = Math.sin(angle) * (j === even ? -1 : 1);
      const partner = row[j === even ? j + 1 : even]!;
      return add(affine(row[j]!, Math.cos(angle), 0), affine(partner, sine, 0));
    });
  });
}

/**
 * Scaled dot-product attention: query i sees the keys of intervals[i], and is
 * 0 when there are none. q: [N, D], k, v: [M, D] -> [N, D]
 */
export function attention(
  { q, k, v, heads, intervals }: {
    readonly q: Matrix;
    readonly k: Matrix;
    readonly v: Matrix;
    readonly heads: number;
    readonly intervals: readonly Interval[];
  },
): Matrix {
  return q.map((query, i) => {
    const [lo, hi] = intervals[i]!;
    const width = query.length / heads;
    return Array.from({ length: heads }, (_, head): Row => {
      const from = head * width;
      const part = (row: Row): Row => row.slice(from, from + width);
      if (lo >= hi) return part(query).map(() => new Scalar(0));
      const scores = k.slice(lo, hi).map((key) =>
        affine(dot(part(query), part(key)), 1 / Math.sqrt(width), 0)
      );
      const weights = softmax(scores);
      const seen = v.slice(lo, hi).map(part);
      return part(query).map((_, j) =>
        dot(weights, seen.map((row) => row[j]!))
      );
    }).flat();
  });
}

/** For each position, where its document starts: at 0 and after each EOS. */
export function documentStarts(ids: readonly number[]): number[] {
  let start = 0;
  return ids.map((_, i) => {
    if (ids[i - 1] === EOS) start = i;
    return start;
  });
}

/** Position i sees itself and what is before it, in its window and document. */
export function causal(
  documents: readonly number[],
  window: number,
): Interval[] {
  return documents.map((start, i) => [Math.max(start, i - window + 1), i + 1]);
}

/** What a block needs beside its input. */
export interface BlockOptions {
  /** All weights of the model. */
  readonly weights: Variables;
  /** What the names of the weights start with. */
  readonly prefix: string;
  /** Sizes of the stack. */
  readonly sizes: TransformerSizes;
  /** What each position sees. */
  readonly intervals: readonly Interval[];
}

/** Pre-norm attention, then SwiGLU, each added to its input. [N, D] -> [N, D] */
export function block(
  x: Matrix,
  { weights, prefix, sizes: { heads, theta }, intervals }: BlockOptions,
): Matrix {
  const weight = (name: string): Matrix => weights(`${prefix}.${name}.weight`);
  const n = rmsNorm(x, weight("input_layernorm"));
  const attended = attention({
    q: rope(linear(n, weight("self_attn.q_proj")), heads, theta),
    k: rope(linear(n, weight("self_attn.k_proj")), heads, theta),
    v: linear(n, weight("self_attn.v_proj")),
    heads,
    intervals,
  });
  const y = plus(x, linear(attended, weight("self_attn.o_proj")));
  const m = rmsNorm(y, weight("post_attention_layernorm"));
  const gate = linear(m, weight("mlp.gate_proj"));
  const up = linear(m, weight("mlp.up_proj"));
  const inner = gate.map((row, i) =>
    row.map((g, j) => mul(silu(g), up[i]![j]!))
  );
  return plus(y, linear(inner, weight("mlp.down_proj")));
}

/** The blocks `${prefix}.layers.0` and so on, no final norm. [N, D] -> [N, D] */
export function blocks(x: Matrix, options: BlockOptions): Matrix {
  let y = x;
  for (let layer = 0; layer < options.sizes.layers; layer++) {
    y = block(y, { ...options, prefix: `${options.prefix}.layers.${layer}` });
  }
  return y;
}

/** Names and shapes of the weights of `sizes.layers` blocks. */
export function blockShapes(
  prefix: string,
  { layers, dim, hidden }: TransformerSizes,
): NamedShape[] {
  return Array.from({ length: layers }, (_, layer): NamedShape[] => {
    const name = (suffix: string): string =>
      `${prefix}.layers.${layer}.${suffix}.weight`;
    return [
      ...["q", "k", "v", "o"].map((letter): NamedShape => [
        name(`self_attn.${letter}_proj`),
        [dim, dim],
      ]),
      [name("mlp.gate_proj"), [hidden, dim]],
      [name("mlp.up_proj"), [hidden, dim]],
      [name("mlp.down_proj"), [dim, hidden]],
      [name("input_layernorm"), [dim]],
      [name("post_attention_layernorm"), [dim]],
    ];
  }).flat();
}

/** Surprise at each target, in nats; negative targets are left out. */
export function nats(logits: Matrix, targets: readonly number[]): Row {
  return targets.flatMap((target, i) =>
    target < 0
      ? []
      : [add(logSumExp(logits[i]!), affine(logits[i]![target]!, -1, 0))]
  );
}

/** Mean of `xs`. */
export function mean(xs: Row): Scalar {
  return affine(sum(xs), 1 / xs.length, 0);
}

/** Entropy of the distribution that each row of logits stands for, in nats. */
export function entropies(logits: Matrix): Row {
  // H = ln Σ eˣ - Σ p x
  return logits.map((row) =>
    add(logSumExp(row), affine(dot(softmax(row), row), -1, 0))
  );
}
