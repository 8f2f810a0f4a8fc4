import {
  MAX_SEGMENT,
  segmentExtremeGradKernel,
  smoothGradKernel,
  smoothKernel,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import type { Segments } from "../segments.ts";
import { Tensor } from "../tensor.ts";
import { sum } from "./reduce.ts";

/** Options of {@linkcode smooth}. */
export interface SmoothOptions {
  /** Units of each group: P segments of R rows. */
  readonly segments: Segments;
  /** Groups in each sequence; divides P. */
  readonly length: number;
}

function sizesOf(
  { shape: [groups = 0, cols = 0] }: Tensor,
  { length }: SmoothOptions,
): Record<"sequences" | "length" | "cols", number> {
  return { sequences: groups / length, length, cols };
}

const apply = defineOp<
  readonly [x: Tensor, gates: Tensor],
  SmoothOptions,
  Tensor
>({
  name: "smooth",
  beside: ({ segments: { starts } }) => [starts],
  shape: ([x, gates], { segments: { count, rows }, length }) => {
    const fits = x.length === 2 && x[0] === count && Number.isInteger(length) &&
      length > 0 && count % length === 0 && gates.length === 1 &&
      gates[0] === rows && length <= MAX_SEGMENT;
    if (!fits) {
      throw new ShapeError(
        "smooth",
        [x, gates],
        `expected [${count}, D] in sequences of ${length}, at most ${MAX_SEGMENT}, and [${rows}]`,
      );
    }
    return x;
  },
  forward: (out, [x, gates], options) => {
    const { starts, ends } = options.segments;
    const shares = Tensor.empty(x.device, starts.shape);
    x.device.launch(smoothKernel, {
      x: x.storage,
      gates: gates.storage,
      starts: starts.storage,
      ends: ends.storage,
      out: out.storage,
      shares: shares.storage,
    }, sizesOf(x, options));
    return shares;
  },
  vjp: ({ g, out, inputs: [x, gates], attributes, saved: shares, wants }) => {
    const { starts, ids, rows, count } = attributes.segments;
    const dx = Tensor.empty(x.device, x.shape);
    using parts = Tensor.empty(x.device, x.shape);
    x.device.launch(smoothGradKernel, {
      x: x.storage,
      shares: shares.storage,
      out: out.storage,
      g: g.storage,
      dx: dx.storage,
      dshares: parts.storage,
    }, sizesOf(x, attributes));
    if (!wants(1)) return [dx];
    using dshares = sum(parts, { axis: 1 });
    const dgates = Tensor.empty(gates.device, gates.shape);
    gates.device.launch(segmentExtremeGradKernel, {
      g: dshares.storage,
      chosen: starts.storage,
      ids: ids.storage,
      dx: dgates.storage,
    }, { rows, segments: count, cols: 1 });
    return [dx, dgates];
  },
});

/**
 * Mixes each group with those before it: y_j = s_j x_j + (1 - s_j) y_{j-1}, 0
 * in front of a sequence. The share s_j is the gate of the group's first unit,
 * 0 for an empty group; a gate of 1 forgets what came before (Hwang et al.,
 * 2025, arXiv:2507.07955, section 2.2).
 *
 * x: [P, D], gates: [R] -> [P, D]. Throws a `ShapeError` unless these fit the
 * segments and sequences of equal length, of at most 65,535 groups.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, Scope, Segments, smooth, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 1], [4, 8]);
 * const gates = Tensor.from(device, [3], [1, 0.25, 0]);
 * const segments = Segments.fromIds(device, Uint32Array.of(0, 1, 1), 2);
 * const y = smooth(x, gates, { segments, length: 2 });
 * assertEquals([...await y.data()], [4, 5]);
 * ```
 */
export function smooth(
  x: Tensor,
  gates: Tensor,
  options: SmoothOptions,
): Tensor {
  return apply([x, gates], options);
}
