import { swigluGradKernel, swigluKernel } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import { Tensor } from "../tensor.ts";

function sizesOf(x: Tensor): { rows: number; width: number } {
  const width = x.shape.at(-1)! / 2;
  return { rows: width === 0 ? 0 : x.size / (2 * width), width };
}

const swigluOp: Op<readonly [Tensor], undefined> = defineOp({
  name: "swiglu",
  shape: ([x]) => {
    const packed = x.at(-1);
    if (packed === undefined || packed % 2 !== 0) {
      throw new ShapeError("swiglu", [x], "the last axis must be even");
    }
    return [...x.slice(0, -1), packed / 2];
  },
  forward: (out, [x]) => {
    const buffers = { x: x.storage, out: out.storage };
    x.device.launch(swigluKernel, buffers, sizesOf(x));
  },
  vjp: ({ g, inputs: [x] }) => {
    const dx = Tensor.empty(x.device, x.shape);
    const buffers = { g: g.storage, x: x.storage, dx: dx.storage };
    x.device.launch(swigluGradKernel, buffers, sizesOf(x));
    return [dx];
  },
});

/**
 * silu(gate) up, where a row of `x` holds gate, then up: [..., 2F] -> [..., F]
 * (Shazeer, 2020, arXiv:2002.05202). Throws a `ShapeError` when the last axis
 * is not even.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, swiglu, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [1, 2], [1, 3]);
 * using y = swiglu(x);
 * const [value = NaN] = await y.data();
 * assertAlmostEquals(value, 3 / (1 + Math.exp(-1)), 1e-6);
 * ```
 */
export function swiglu(x: Tensor): Tensor {
  return swigluOp([x], undefined);
}
