/**
 * AdamW (Loshchilov and Hutter, 2017, arXiv:1711.05101, algorithm 2) in
 * float64.
 *
 * @module
 */
import type { Weights } from "./weights.ts";

/** Settings of AdamW. */
export interface AdamWSettings {
  /** Learning rate. */
  readonly lr: number;
  /** Decay of the average of gradients. */
  readonly beta1: number;
  /** Decay of the average of squared gradients. */
  readonly beta2: number;
  /** Added to the root of the latter. */
  readonly eps: number;
  /** Share of lr by which every weight shrinks in a step. */
  readonly weightDecay: number;
}

/** An update in place: called once per step with the gradients by name. */
export function adamW(
  weights: Weights,
  { lr, beta1, beta2, eps, weightDecay }: AdamWSettings,
): (grads: ReadonlyMap<string, Float64Array>) => void {
  const zeros = (): Map<string, Float64Array> =>
    new Map([...weights].map(([name, { data }]) => [
      name,
      new Float64Array(data.length),
    ]));
  const first = zeros();
  const second = zeros();
  let step = 0;
  return (grads) => {
    step++;
    for (const [name, { data }] of weights) {
      const g = grads.get(name)!;
      const m = first.get(name)!;
      const v = second.get(name)!;
      for (let i = 0; i < data.length; i++) {
        m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
        v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! ** 2;
        const mean = m[i]! / (1 - beta1 ** step);
        const spread = Math.sqrt(v[i]! / (1 - beta2 ** step)) + eps;
        data[i] = data[i]! * (1 - lr * weightDecay) - lr * mean / spread;
      }
    }
  };
}
