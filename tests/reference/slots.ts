/**
 * What lies between the units of one level and their groups, number by number:
 * units are pooled into slots, and units read slots.
 *
 * @module
 */
import { add, affine, type Matrix, max, mul, type Row } from "./autodiff64.ts";
import {
  attention,
  block,
  type Interval,
  linear,
  rmsNorm,
  type TransformerSizes,
} from "./transformer.ts";
import type { Variables } from "./weights.ts";

/** What all parts need beside their input. */
export interface SlotOptions {
  /** All weights of the model. */
  readonly weights: Variables;
  /** What the names of the weights start with. */
  readonly prefix: string;
  /** Vectors per group in cross-attention. */
  readonly slots: number;
  /** How often the queries of cross-attention are added to its result. */
  readonly residual: number;
}

/** [N, k D] -> [N k, D] */
function splitRows(x: Matrix, k: number): Matrix {
  return x.flatMap((row) => {
    const width = row.length / k;
    return Array.from(
      { length: k },
      (_, r) => row.slice(r * width, (r + 1) * width),
    );
  });
}

/**
 * residual x + Attn(x, context), what row i sees multiplied by factors[i].
 * x: [N, D], context: [M, D] -> [N, D]
 */
function crossAttention(
  x: Matrix,
  context: Matrix,
  { weights, prefix, residual, heads, intervals, factors }:
    & Omit<SlotOptions, "slots">
    & {
      readonly heads: number;
      readonly intervals: readonly Interval[];
      readonly factors?: Row | undefined;
    },
): Matrix {
  const weight = (name: string): Matrix => weights(`${prefix}.${name}.weight`);
  const n = rmsNorm(context, weight("k_norm"));
  const attended = attention({
    q: linear(rmsNorm(x, weight("q_norm")), weight("q_proj")),
    k: linear(n, weight("k_proj")),
    v: linear(n, weight("v_proj")),
    heads,
    intervals,
  });
  const seen = factors
    ? attended.map((row, i) => row.map((value) => mul(value, factors[i]!)))
    : attended;
  const out = linear(seen, weight("o_proj"));
  return x.map((row, i) =>
    row.map((value, j) => add(affine(value, residual, 0), out[i]![j]!))
  );
}

/** Slots of groups of units. x: [N, D] -> [P k, D] */
export function pool(
  x: Matrix,
  groups: readonly Interval[],
  { heads, ...options }: SlotOptions & { readonly heads: number },
): Matrix {
  const { weights, prefix, slots } = options;
  const pooled = groups.map(([lo, hi]) =>
    x[lo]!.map((_, j) => max(x.slice(lo, hi).map((row) => row[j]!)))
  );
  const seeds = linear(
    pooled,
    weights(`${prefix}.patch_embedding_projection.weight`),
  );
  return crossAttention(splitRows(seeds, slots), x, {
    ...options,
    prefix: `${prefix}.cross_attn_layers.0`,
    heads,
    intervals: groups.flatMap((group) => Array<Interval>(slots).fill(group)),
  });
}

/** The slots of each group as one row. [P k, D] -> [P, k D] */
export function joinSlots(x: Matrix, slots: number): Matrix {
  return Array.from(
    { length: x.length / slots },
    (_, j) => x.slice(j * slots, (j + 1) * slots).flat(),
  );
}

/**
 * Units that read groups, unit i the group reads[i] times factors[i], within
 * blocks. x: [N, D], groups: [P, .] -> [N, D]
 */
export function read(
  x: Matrix,
  groups: Matrix,
  { sizes, reads, intervals, ...options }: SlotOptions & {
    readonly sizes: TransformerSizes;
    readonly reads: readonly number[];
    readonly factors?: Row | undefined;
    readonly intervals: readonly Interval[];
  },
): Matrix {
  const { weights, prefix, slots } = options;
  const context = splitRows(
    linear(groups, weights(`${prefix}.patch_embedding_projection.weight`)),
    slots,
  );
  let y = x;
  for (let layer = 0; layer < sizes.layers; layer++) {
    y = crossAttention(y, context, {
      ...options,
      prefix: `${prefix}.cross_attn_layers.${layer}`,
      heads: sizes.heads,
      intervals: reads.map((j) => [j * slots, (j + 1) * slots]),
    });
    y = block(y, {
      weights,
      prefix: `${prefix}.layers.${layer}`,
      sizes,
      intervals,
    });
  }
  return y;
}
