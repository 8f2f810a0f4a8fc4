import {
  TARGET_BLOCK,
  targetMeanGradKernel,
  targetMeanKernel,
  targetSumsKernel,
  tokenNatsGradKernel,
  tokenNatsKernel,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { outerShape, type RowNorm, rowsOf } from "./rows.ts";

const nats = defineOp<
  readonly [logits: Tensor, targets: Tensor],
  undefined,
  RowNorm
>({
  name: "tokenNats",
  dtypes: ["f32", "u32"],
  shape: ([logits, targets]) => {
    const outer = outerShape("tokenNats", logits);
    if (String(outer) !== String(targets)) {
      throw new ShapeError(
        "tokenNats",
        [logits, targets],
        "expected one target for each row of logits",
      );
    }
    return outer;
  },
  forward: (out, [logits, targets]) => {
    const top = Tensor.empty(out.device, out.shape);
    const rest = Tensor.empty(out.device, out.shape);
    out.device.launch(tokenNatsKernel, {
      logits: logits.storage,
      targets: targets.storage,
      nats: out.storage,
      top: top.storage,
      rest: rest.storage,
    }, { ...rowsOf(logits) });
    return { top, rest };
  },
  vjp: ({ g, inputs: [logits, targets], saved: { top, rest } }) => {
    const dlogits = Tensor.empty(g.device, logits.shape);
    g.device.launch(tokenNatsGradKernel, {
      logits: logits.storage,
      targets: targets.storage,
      top: top.storage,
      rest: rest.storage,
      g: g.storage,
      dlogits: dlogits.storage,
    }, { ...rowsOf(logits) });
    return [dlogits];
  },
});

const mean = defineOp<
  readonly [nats: Tensor, targets: Tensor],
  { readonly classes: number },
  Tensor
>({
  name: "crossEntropy",
  dtypes: ["f32", "u32"],
  shape: () => [],
  forward: (out, [nats, targets], { classes }) => {
    const { device } = out;
    const blocks = Math.ceil(nats.size / TARGET_BLOCK);
    using sums = Tensor.empty(device, [blocks]);
    using counts = Tensor.empty(device, [blocks], "u32");
    const share = Tensor.empty(device, []);
    device.launch(targetSumsKernel, {
      nats: nats.storage,
      targets: targets.storage,
      sums: sums.storage,
      counts: counts.storage,
    }, { rows: nats.size, classes });
    device.launch(targetMeanKernel, {
      sums: sums.storage,
      counts: counts.storage,
      mean: out.storage,
      share: share.storage,
    }, { blocks });
    return share;
  },
  vjp: ({ g, inputs: [nats, targets], attributes, saved: share }) => {
    const dnats = Tensor.empty(g.device, nats.shape);
    g.device.launch(targetMeanGradKernel, {
      g: g.storage,
      share: share.storage,
      targets: targets.storage,
      dnats: dnats.storage,
    }, { rows: nats.size, ...attributes });
    return [dnats];
  },
});

/**
 * Cross-entropy of each target in nats, -log softmax(logits)[target]; 0 where
 * the target is masked, that is not below V.
 *
 * logits: [..., V], targets (u32): [...] -> [...]. Throws a `ShapeError`
 * otherwise.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, Scope, Tensor, tokenNats } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const logits = Tensor.from(device, [1, 2], [0, 0]);
 * const targets = Tensor.from(device, [1], Uint32Array.of(1));
 * const [nats] = await tokenNats(logits, targets).data();
 * assertAlmostEquals(nats!, Math.LN2, 1e-6);
 * ```
 */
export function tokenNats(logits: Tensor, targets: Tensor): Tensor {
  return nats([logits, targets], undefined);
}

/**
 * Mean cross-entropy in nats over the targets that are not masked, that is
 * below V; 0 when all are masked.
 *
 * logits: [..., V], targets (u32): [...] -> []. Throws a `ShapeError`
 * otherwise.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { crossEntropy, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const logits = Tensor.from(device, [2, 2], [0, 0, 9, 0]);
 * const targets = Tensor.from(device, [2], Uint32Array.of(1, 2)); // 2 is masked
 * const [loss] = await crossEntropy(logits, targets).data();
 * assertAlmostEquals(loss!, Math.LN2, 1e-6);
 * ```
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const classes = logits.shape.at(-1) ?? 0;
  return mean([tokenNats(logits, targets), targets], { classes });
}
