import { stridedCopy } from "../../kernels/mod.ts";
import type { Tensor } from "../tensor.ts";

/** A strided part of a tensor, along the axes of a dense one. */
export interface StridedPart {
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Place of the first element; default 0. */
  readonly offset?: number;
}

/** Fills `out` from a strided part of `x`. */
export function gather(out: Tensor, x: Tensor, part: StridedPart): void {
  const { shape, dtype } = out;
  const { kernel, sizes } = stridedCopy({
    direction: "gather",
    dtype,
    shape,
    ...part,
  });
  out.device.launch(kernel, { x: x.storage, out: out.storage }, sizes);
}

/** Writes `x` to a strided part of `out`; the rest stays as it is. */
export function scatter(out: Tensor, x: Tensor, part: StridedPart): void {
  const { shape, dtype } = x;
  const { kernel, sizes } = stridedCopy({
    direction: "scatter",
    dtype,
    shape,
    ...part,
  });
  out.device.launch(kernel, { x: x.storage, out: out.storage }, sizes);
}
