import { softmaxGradKernel, softmaxKernel } from "../../kernels/mod.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { outerShape, rowsOf } from "./rows.ts";

const apply = defineOp<readonly [Tensor]>({
  name: "softmax",
  shape: ([x]) => {
    outerShape("softmax", x);
    return x;
  },
  forward: (out, [x]) => {
    const buffers = { x: x.storage, out: out.storage };
    x.device.launch(softmaxKernel, buffers, { ...rowsOf(x) });
  },
  vjp: ({ g, out }) => {
    const dx = Tensor.empty(out.device, out.shape);
    out.device.launch(softmaxGradKernel, {
      y: out.storage,
      g: g.storage,
      dx: dx.storage,
    }, { ...rowsOf(out) });
    return [dx];
  },
});

/**
 * Softmax along the last axis: exp(x) / sum exp(x). x: [..., n] -> [..., n]
 *
 * Throws a `ShapeError` for a scalar.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, Scope, softmax, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const y = softmax(Tensor.from(device, [2], [3, 3]));
 * assertEquals([...await y.data()], [0.5, 0.5]);
 * ```
 */
export function softmax(x: Tensor): Tensor {
  return apply([x], undefined);
}
