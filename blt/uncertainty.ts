import {
  concat,
  type Expr,
  followed,
  fuse,
  mul,
  reshape,
  type Rng,
  type Segments,
  segmentSum,
  slice,
  sum,
  Tensor,
} from "../tensor/mod.ts";
import { Linear, RMSNorm } from "../nn/mod.ts";

/** scale ln(1 + eˣ), without overflow. */
const softplus = fuse(
  "softplus",
  (x, scale) => x.max(0).add(x.abs().neg().exp().add(1).log()).mul(scale),
);

/**
 * Huber's loss of (forecast - cost) / scale: a square near 0, then its slope
 * stays 1 (Huber, 1964).
 */
const huber = fuse("huber", (forecast, cost, scale) => {
  const error = forecast.sub(cost).div(scale).abs();
  return error.less(1).select(error.square().mul(0.5), error.sub(0.5));
});

/** About what a byte costs, in nats. */
const BYTE_COST = 2;

/** Options of a {@linkcode CostHead}. */
export interface CostHeadOptions {
  /** What is forecast: the cost of a unit, or that per byte. */
  readonly of: "total" | "rate";
  /** Wanted mean bytes in a unit. */
  readonly unitBytes: number;
  /** Source of the initial weights. */
  readonly rng: Rng;
}

/**
 * Forecast of what the next unit will cost the byte decoder, in nats: by the
 * chain rule the expected cost is the entropy of the unit as a string.
 */
export class CostHead {
  /** In front of `hidden`: units of higher levels grow large. */
  readonly norm: RMSNorm;
  /** [D, D] */
  readonly hidden: Linear;
  /** [1, D] */
  readonly out: Linear;
  /** What is forecast. */
  readonly of: "total" | "rate";
  /** Nats that forecasts are made in, and errors measured by. */
  readonly scale: number;

  /** For units of `dim` features. */
  constructor(dim: number, { of, unitBytes, rng }: CostHeadOptions) {
    this.norm = new RMSNorm(dim);
    this.hidden = new Linear(dim, dim, { rng, bias: true });
    this.out = new Linear(dim, 1, { rng, bias: true });
    this.of = of;
    this.scale = of === "total" ? BYTE_COST * unitBytes : BYTE_COST;
  }

  /** x: [R, D] -> nats [R]; no gradient reaches x. */
  forward(x: Tensor): Tensor {
    const normal = this.norm.forward(x.view()); // a view has no gradient
    const hidden = this.hidden.forward(normal, { activation: silu });
    return reshape(softplus(this.out.forward(hidden), this.scale), [-1]);
  }

  /**
   * Mean loss of forecasts against the costs of the units that came next.
   * forecasts, costs, bytes: [R]; positions: u32 [R] -> []
   */
  loss(
    forecasts: Tensor,
    { costs, bytes }: UnitCosts,
    positions: Tensor,
  ): Tensor {
    const known = followed(positions);
    const target = this.of === "total" ? costs : perByte(costs, bytes);
    const next = shifted(target, 1);
    const errors = mul(huber(forecasts, next, this.scale), known);
    return mean(sum(errors), sum(known));
  }
}

function silu(x: Expr): Expr {
  return x.mul(x.sigmoid());
}

const perByte = fuse("per_byte", (nats, bytes) => nats.div(bytes.max(1)));

const mean = fuse("mean_of", (total, count) => total.div(count.max(1)));

/** What each unit cost the byte decoder, and how many bytes it has. */
export interface UnitCosts {
  /** Nats. [R] */
  readonly costs: Tensor;
  /** [R] */
  readonly bytes: Tensor;
}

/**
 * Costs of bytes from those of predictions: a byte is paid for one position
 * earlier. nats: [R], of the target at each position.
 */
export function byteCosts(nats: Tensor): UnitCosts {
  const { device, size } = nats;
  const ones = Tensor.from(device, [size], new Float32Array(size).fill(1));
  return { costs: shifted(nats.view(), -1), bytes: ones };
}

/** Costs of groups, from those of their units. */
export function groupCosts(
  { costs, bytes }: UnitCosts,
  segments: Segments,
): UnitCosts {
  const total = (x: Tensor): Tensor =>
    reshape(segmentSum(reshape(x, [-1, 1]), segments), [-1]);
  return { costs: total(costs), bytes: total(bytes) };
}

/** out[i] = x[i + by], 0 at the end that is left over; `by` is 1 or -1. */
function shifted(x: Tensor, by: 1 | -1): Tensor {
  const { device, size } = x;
  const zero = Tensor.from(device, [1], [0]);
  return by === 1
    ? concat([slice(x, [[1, size]]), zero], 0)
    : concat([zero, slice(x, [[0, size - 1]])], 0);
}
