import {
  concat,
  type Device,
  type Expr,
  fuse,
  greater,
  mean,
  mul,
  noGrad,
  reshape,
  rmsNorm,
  Rng,
  Segments,
  slice,
  smooth,
  storeRows,
  sum,
  Tensor,
} from "../tensor/mod.ts";
import { Linear } from "../nn/mod.ts";
import type { EndToEndConfig } from "./config.ts";

/** A byte with a larger probability starts a patch. */
export const BOUNDARY = 0.5;

/** Least share of a patch in what is read, and least of those before it. */
const LEAST_SHARE = 1e-4;

/** Probability from a sum of `dim` products, whose mean is a cosine. */
const boundary = fuse(
  "boundary",
  (products, dim, first) =>
    first.select(1, dim.sub(products).div(dim).mul(0.5)),
);

const gate = fuse(
  "gate",
  (p, first) => first.select(1, p.max(LEAST_SHARE).min(1 - LEAST_SHARE)),
);

/** Probability of the decision that was made. */
function confidence(p: Expr): Expr {
  return p.greater(BOUNDARY).select(p, p.neg().add(1));
}

/** 1 with the gradient of the confidence; `same` is p without a gradient. */
const straightThrough = fuse(
  "straight_through",
  (p, same) => confidence(p).sub(confidence(same)).add(1),
);

const ratio = fuse("ratio", (share, probability, target) => {
  const others = target.sub(1);
  const agree = others.mul(share).mul(probability);
  const neither = share.neg().add(1).mul(probability.neg().add(1));
  return agree.add(neither).mul(target.div(others));
});

/** What a router must know of bytes beside their latents. */
export interface Places {
  /** 1 for the first byte of a document, else 0. [R] */
  readonly first: Tensor;
  /** Latents of the byte in front of all; any where there is none. [1, D] */
  readonly before: Tensor;
  /** Ones. [D] */
  readonly ones: Tensor;
}

/** Places in front of a document, for latents of `dim` features. */
export function placesBefore(
  device: Device,
  dim: number,
): Omit<Places, "first"> {
  return {
    before: Tensor.from(device, [1, dim], new Float32Array(dim)),
    ones: Tensor.from(device, [dim], new Float32Array(dim).fill(1)),
  };
}

/** What a router makes of bytes. */
export interface Routes {
  /** That each byte starts a patch; 1 for the first of a document. [R] */
  readonly probabilities: Tensor;
  /** Share of the patch that a byte starts in what is read. [R] */
  readonly gates: Tensor;
  /**
   * Factors of what bytes read: 1, with the gradient of the probability of the
   * decision that was made. [R, 1]
   */
  readonly confidences: Tensor;
}

/**
 * Tells by latents where patches start, in a way that has a gradient: a byte
 * that is unlike the one before it starts a patch (Hwang et al., 2025,
 * arXiv:2507.07955, section 2.2).
 */
export class Router {
  /** Of the byte before. [D, D] */
  readonly query: Linear;
  /** Of the byte itself. [D, D] */
  readonly key: Linear;

  /** For latents of `dim` features; both maps are the identity at first. */
  constructor(dim: number) {
    this.query = identity(dim);
    this.key = identity(dim);
  }

  /** latents: [R, D] */
  forward(latents: Tensor, { first, before, ones }: Places): Routes {
    const [rows = 0, dim = 0] = latents.shape;
    const unit = (x: Tensor): Tensor => rmsNorm(x, ones, { eps: 1e-12 });
    const previous = concat([before, slice(latents, [[0, rows - 1]])], 0);
    const products = mul(
      unit(this.query.forward(previous)),
      unit(this.key.forward(latents)),
    );
    const probabilities = boundary(sum(products, { axis: 1 }), dim, first);
    return {
      probabilities,
      gates: gate(probabilities, first),
      confidences: reshape(
        straightThrough(probabilities, probabilities.view()),
        [-1, 1],
      ),
    };
  }
}

function identity(dim: number): Linear {
  const map = new Linear(dim, dim, { rng: new Rng(0) });
  const { initial } = map.weight;
  initial.fill(0);
  for (let i = 0; i < dim; i++) initial[i * dim + i] = 1;
  return map;
}

/**
 * Draws the share of starts towards one byte in N, the target, where it is 1:
 * N / (N - 1) ((N - 1) F G + (1 - F) (1 - G)) (Hwang et al., 2025,
 * arXiv:2507.07955, section 2.2). F is the share of starts, without a gradient,
 * and G the mean probability. probabilities: [R] -> []
 */
export function ratioLoss(probabilities: Tensor, target: number): Tensor {
  const share = noGrad(() => mean(greater(probabilities, BOUNDARY)));
  return ratio(share, mean(probabilities), target);
}

/**
 * What routing carries from byte to byte of one document. Its memory belongs to
 * the scope in which it is made.
 */
export class RoutingSession {
  /** Latents of the last byte, and ones. */
  readonly #places: Omit<Places, "first">;
  /** What the newest closed patch left to be read. [1, latent D] */
  readonly #newest: Tensor;
  /** Gates of patches that are not smoothed yet; the last one is open. */
  readonly #gates: number[] = [];

  /** Before the first byte. */
  constructor(device: Device, { tiny, blt: { latent } }: EndToEndConfig) {
    this.#places = placesBefore(device, tiny.dim);
    this.#newest = Tensor.from(
      device,
      [1, latent.dim],
      new Float32Array(latent.dim),
    );
  }

  /** Places of the next `count` bytes. */
  places(count: number): Places {
    const first = new Float32Array(count);
    if (this.#gates.length === 0) first[0] = 1;
    const { device } = this.#newest;
    return { ...this.#places, first: Tensor.from(device, [count], first) };
  }

  /** Keeps what the bytes that follow are compared with. latents: [n, D] */
  keep(latents: Tensor): void {
    const from = latents.shape[0]! - 1;
    storeRows(this.#places.before, latents, { at: 0, from, rows: 1 });
  }

  /** Takes the probability of a byte that starts a patch. */
  start(probability: number): void {
    const share = Math.min(Math.max(probability, LEAST_SHARE), 1 - LEAST_SHARE);
    this.#gates.push(this.#gates.length === 0 ? 1 : share);
  }

  /** Smooths the patches that were closed. x: [n, latent D] -> the same */
  smooth(x: Tensor): Tensor {
    const { device, shape: [count = 0, dim = 0] } = x;
    const length = count + 1;
    const ids = Uint32Array.from({ length }, (_, i) => i);
    const gates = [1, ...this.#gates.splice(0, count)];
    const smoothed = smooth(
      concat([this.#newest, x], 0),
      Tensor.from(device, [length], gates),
      { segments: Segments.fromIds(device, ids, length), length },
    );
    storeRows(this.#newest, smoothed, { at: 0, from: count, rows: 1 });
    return slice(smoothed, [[1, length], [0, dim]]);
  }
}
