/**
 * A router of patches, number by number, for one document (Hwang et al., 2025,
 * arXiv:2507.07955, section 2.2).
 *
 * @module
 */
import {
  add,
  affine,
  dot,
  type Matrix,
  mul,
  power,
  type Row,
  Scalar,
  sum,
} from "./autodiff64.ts";
import { type Interval, linear } from "./transformer.ts";
import type { Variables } from "./weights.ts";

/** How a router learns. */
export interface RoutingSizes {
  /** Wanted mean patch, in bytes. */
  readonly target: number;
}

/** What a router makes of bytes. */
export interface Routes {
  /** Share of the patch that a byte starts. [N] */
  readonly gates: Row;
  /** 1, with the gradient of the probability of what was decided. [N] */
  readonly factors: Row;
  /** Ratio loss. */
  readonly ratio: Scalar;
}

/** latents: [N, D] */
export function routesOf(
  latents: Matrix,
  weights: Variables,
  { target }: RoutingSizes,
): Routes {
  const queries = linear(latents, weights("router.query.weight"));
  const keys = linear(latents, weights("router.key.weight"));
  const probabilities = keys.map((key, i) => {
    if (i === 0) return new Scalar(1);
    const query = queries[i - 1]!;
    const squares = mul(dot(query, query), dot(key, key));
    return affine(mul(dot(query, key), power(squares, -0.5)), -0.5, 0.5);
  });
  const starts = probabilities.filter(({ value }) => value > 0.5).length;
  const share = starts / latents.length;
  const mean = affine(sum(probabilities), 1 / latents.length, 0);
  const scale = target / (target - 1);
  return {
    gates: probabilities.map((p, i) => i === 0 ? p : clamped(p)),
    factors: probabilities.map((p) =>
      new Scalar(1, [p], [p.value > 0.5 ? 1 : -1])
    ),
    ratio: add(
      affine(mean, scale * (target - 1) * share, 0),
      affine(mean, -scale * (1 - share), scale * (1 - share)),
    ),
  };
}

function clamped(p: Scalar): Scalar {
  const value = Math.min(Math.max(p.value, 1e-4), 1 - 1e-4);
  return value === p.value ? p : new Scalar(value);
}

/** Each patch mixed with those before it, by the gate of its first byte. */
export function smoothed(
  patches: Matrix,
  groups: readonly Interval[],
  gates: Row,
): Matrix {
  let before: Row | undefined;
  return patches.map((row, group) => {
    const gate = gates[groups[group]![0]]!;
    const rest = affine(gate, -1, 1);
    const last = before;
    before = last
      ? row.map((value, j) => add(mul(gate, value), mul(rest, last[j]!)))
      : row;
    return before;
  });
}
