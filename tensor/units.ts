import { followedKernel, lastOfKernel, tallyKernel } from "../kernels/mod.ts";
import { checkOperands } from "./operands.ts";
import type { Segments } from "./segments.ts";
import { Tensor } from "./tensor.ts";

/**
 * 1 where a unit is followed by two more of its document, so that the next one
 * is surely complete; otherwise 0. positions: u32 [R] -> [R]
 */
export function followed(positions: Tensor): Tensor {
  checkOperands("followed", [positions], { dtypes: ["u32"] });
  const { device, shape, size: count } = positions;
  const out = Tensor.empty(device, shape);
  const buffers = { positions: positions.storage, out: out.storage };
  device.launch(followedKernel, buffers, { count });
  return out;
}

/** Last number of each segment, 0 for an empty one. x: [R] -> [P] */
export function lastOf(x: Tensor, { starts, ends }: Segments): Tensor {
  checkOperands("lastOf", [x], { beside: [starts] });
  const out = Tensor.empty(x.device, starts.shape);
  x.device.launch(lastOfKernel, {
    x: x.storage,
    starts: starts.storage,
    ends: ends.storage,
    out: out.storage,
  }, { count: starts.size });
  return out;
}

/** Sum of whole numbers, as f32. counts: u32 [B] -> [] */
export function tally(counts: Tensor): Tensor {
  checkOperands("tally", [counts], { dtypes: ["u32"] });
  const out = Tensor.empty(counts.device, []);
  const buffers = { counts: counts.storage, out: out.storage };
  counts.device.launch(tallyKernel, buffers, { count: counts.size });
  return out;
}
