import { columnSumAddedKernel, columnSumKernel } from "../../kernels/mod.ts";
import type { GradientTarget, Tensor } from "../tensor.ts";
import { rowsOf } from "./rows.ts";

/** Writes the sum of the rows of `x` as a gradient. x: [rows, cols] -> [cols] */
export function columnSum(x: Tensor, { into, base }: GradientTarget): Tensor {
  x.device.launch(base ? columnSumAddedKernel : columnSumKernel, {
    x: x.storage,
    base: (base ?? x).storage,
    out: into.storage,
  }, { ...rowsOf(x) });
  return into;
}
