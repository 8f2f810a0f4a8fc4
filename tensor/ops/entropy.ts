import { entropyGradKernel, entropyKernel } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { outerShape, type RowNorm, rowsOf } from "./rows.ts";

const apply = defineOp<readonly [logits: Tensor], undefined, RowNorm>({
  name: "entropy",
  shape: ([logits]) => {
    if (logits.at(-1) === 0) {
      throw new ShapeError("entropy", [logits], "no element to choose from");
    }
    return outerShape("entropy", logits);
  },
  forward: (out, [logits]) => {
    const top = Tensor.empty(out.device, out.shape);
    const rest = Tensor.empty(out.device, out.shape);
    out.device.launch(entropyKernel, {
      logits: logits.storage,
      nats: out.storage,
      top: top.storage,
      rest: rest.storage,
    }, { ...rowsOf(logits) });
    return { top, rest };
  },
  vjp: ({ g, out, inputs: [logits], saved: { top, rest } }) => {
    const dlogits = Tensor.empty(g.device, logits.shape);
    g.device.launch(entropyGradKernel, {
      logits: logits.storage,
      nats: out.storage,
      top: top.storage,
      rest: rest.storage,
      g: g.storage,
      dlogits: dlogits.storage,
    }, { ...rowsOf(logits) });
    return [dlogits];
  },
});

/**
 * Entropy in nats of softmax(logits) along the last axis: -sum p log p, where 0
 * times log 0 is 0, so that logits of -Infinity add nothing.
 *
 * logits: [..., V] -> [...]. Throws a `ShapeError` for a scalar, or when V is 0.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { entropy, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const [nats] = await entropy(Tensor.from(device, [1, 2], [0, 0])).data();
 * assertAlmostEquals(nats!, Math.LN2, 1e-6);
 * ```
 */
export function entropy(logits: Tensor): Tensor {
  return apply([logits], undefined);
}
