import {
  LONGEST_SCAN,
  reverseScanKernel,
  type ScanKernel,
  scanKernels,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";

function launch(kernel: ScanKernel, out: Tensor, x: Tensor): void {
  const length = x.shape.at(-1)!;
  const rows = length === 0 ? 0 : x.size / length;
  const buffers = { x: x.storage, out: out.storage };
  x.device.launch(kernel, buffers, { rows, length });
}

/**
 * Sums along the last axis, each up to and with its element: [..., T] ->
 * [..., T], f32 or u32; u32 wraps at 2^32. Throws a `ShapeError` without an
 * axis, or when the last is longer than 8 million.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cumulativeSum, openDevice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using starts = Tensor.from(device, [4], Uint32Array.of(1, 0, 1, 0));
 * using ids = cumulativeSum(starts);
 * assertEquals([...await ids.indices()], [1, 1, 2, 2]);
 * ```
 */
export function cumulativeSum(x: Tensor): Tensor {
  return defineOp<readonly [Tensor]>({
    name: "cumulativeSum",
    dtypes: [x.dtype],
    result: x.dtype,
    shape: ([shape]) => {
      if (shape.length === 0 || shape.at(-1)! > LONGEST_SCAN) {
        throw new ShapeError(
          "cumulativeSum",
          [shape],
          `there must be a last axis of at most ${LONGEST_SCAN}`,
        );
      }
      return shape;
    },
    forward: (out, [x]) => launch(scanKernels[x.dtype], out, x),
    vjp: ({ g }) => {
      const dx = Tensor.empty(g.device, g.shape);
      launch(reverseScanKernel, dx, g);
      return [dx];
    },
  })([x], undefined);
}
