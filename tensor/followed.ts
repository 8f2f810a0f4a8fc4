import { followedKernel } from "../kernels/mod.ts";
import { Tensor } from "./tensor.ts";

/**
 * 1 where a unit is followed by two more of its document, so that the next one
 * is surely complete; otherwise 0. positions: u32 [R] -> [R]
 */
export function followed(positions: Tensor): Tensor {
  const { device, shape, size: count } = positions;
  const out = Tensor.empty(device, shape);
  const buffers = { positions: positions.storage, out: out.storage };
  device.launch(followedKernel, buffers, { count });
  return out;
}
