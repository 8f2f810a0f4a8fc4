import { type Expr, type Rng, swiglu, type Tensor } from "../tensor/mod.ts";
import { checkLayer } from "./init.ts";
import { Linear } from "./linear.ts";

/** Options of a feed-forward layer. */
export interface FeedForwardOptions {
  /** Width of the hidden layer, F. */
  readonly hiddenDim: number;
  /** Source of the initial weights. */
  readonly rng: Rng;
}

/**
 * Gated feed-forward layer: W2 (silu(W1 x) * (W3 x)) (Shazeer, 2020,
 * arXiv:2002.05202).
 */
export class SwiGLU {
  /** W1 above W3. [2 F, D] */
  readonly up: Linear;
  /** W2. [D, F] */
  readonly down: Linear;

  /** For rows of `dim` features. Throws a `RangeError` for sizes that are none. */
  constructor(dim: number, { hiddenDim, rng }: FeedForwardOptions) {
    checkLayer("SwiGLU", { dim, hiddenDim });
    this.up = new Linear(dim, 2 * hiddenDim, { rng });
    this.down = new Linear(hiddenDim, dim, { rng });
  }

  /** x: [R, D] -> [R, D], plus the residual in the same launch. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return this.down.forward(swiglu(this.up.forward(x)), { residual });
  }
}

/** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): GELU by its tanh form. */
function gelu(x: Expr): Expr {
  const inner = x.pow(3).mul(0.044715).add(x).mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(x).mul(0.5);
}

/**
 * Feed-forward layer with GELU: W2 gelu(W1 x) (Hendrycks and Gimpel, 2016,
 * arXiv:1606.08415).
 */
export class GELU {
  /** W1. [F, D] */
  readonly up: Linear;
  /** W2. [D, F] */
  readonly down: Linear;

  /** For rows of `dim` features. Throws a `RangeError` for sizes that are none. */
  constructor(dim: number, { hiddenDim, rng }: FeedForwardOptions) {
    checkLayer("GELU", { dim, hiddenDim });
    this.up = new Linear(dim, hiddenDim, { rng });
    this.down = new Linear(hiddenDim, dim, { rng });
  }

  /** x: [R, D] -> [R, D], plus the residual in the same launch. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    const hidden = this.up.forward(x, { activation: gelu });
    return this.down.forward(hidden, { residual });
  }
}
