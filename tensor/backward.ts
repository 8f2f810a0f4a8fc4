import { copyKernel, fillKernel } from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { add } from "./ops/elementwise.ts";
import { noGrad } from "./recording.ts";
import { type GradientTarget, Tensor } from "./tensor.ts";

/** Options of {@linkcode backward}. */
export interface BackwardOptions {
  /** Gradient of the result; may be left out when it has one element. */
  readonly seed?: Tensor;
  /**
   * Where to leave the gradient of each of `wrt`, in order. A slot is written
   * in place, with zeros when the result does not depend on its tensor.
   */
  readonly into?: readonly Tensor[];
}

/**
 * Gradients of `<seed, root>` with respect to each of `wrt`, in order, by
 * reverse mode.
 *
 * The gradient is `undefined` for a tensor that `root` does not depend on,
 * unless `into` gives it a slot. Throws a `ShapeError` when `root` has more
 * than one element and there is no seed.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward, mul, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [1], [3]);
 * const [dx] = backward(mul(x, x), [x]);
 * assertEquals([...await dx!.data()], [6]);
 * ```
 */
export function backward(
  root: Tensor,
  wrt: readonly Tensor[],
  { seed, into = [] }: BackwardOptions = {},
): (Tensor | undefined)[] {
  return noGrad(() => {
    const slots = new Map(into.map((slot, i) => [wrt[i]!, slot]));
    const gradients = new Gradients(slots, new Set(wrt));
    gradients.set(root, seed?.view() ?? ones(root));
    const path = pathTo(root, gradients.kept);
    for (const tensor of [...path].reverse()) {
      differentiate(tensor, gradients, path);
    }
    for (const [tensor, slot] of slots) gradients.settle(tensor, slot);
    return wrt.map((tensor) => gradients.get(tensor));
  });
}

/** Partial gradients by tensor. */
class Gradients {
  readonly kept: ReadonlySet<Tensor>;
  readonly #slots: ReadonlyMap<Tensor, Tensor>;
  readonly #claimed = new Set<Tensor>();
  readonly #sums = new Map<Tensor, Tensor>();

  constructor(
    slots: ReadonlyMap<Tensor, Tensor>,
    kept: ReadonlySet<Tensor>,
  ) {
    this.#slots = slots;
    this.kept = kept;
  }

  get(tensor: Tensor): Tensor | undefined {
    return this.#sums.get(tensor);
  }

  /** Where an operation may write the whole gradient of `tensor`. */
  target(tensor: Tensor): GradientTarget {
    const base = this.#sums.get(tensor);
    let slot = this.#slots.get(tensor);
    if (slot && this.#claimed.has(slot)) slot = undefined;
    if (slot) this.#claimed.add(slot);
    return { into: slot ?? Tensor.empty(tensor.device, tensor.shape), base };
  }

  /** Replaces the partial gradient of `tensor`. */
  set(tensor: Tensor, sum: Tensor): void {
    const old = this.#sums.get(tensor);
    if (old && old !== this.#slots.get(tensor)) old.dispose();
    this.#sums.set(tensor, sum);
  }

  /** Forgets the gradient of `tensor` unless the caller asked for it. */
  drop(tensor: Tensor): void {
    if (this.kept.has(tensor)) return;
    this.#sums.get(tensor)?.dispose();
    this.#sums.delete(tensor);
  }

  /** Leaves the gradient of `tensor` in `slot`. */
  settle(tensor: Tensor, slot: Tensor): void {
    const sum = this.#sums.get(tensor);
    if (sum === slot) return;
    const { device, size } = slot;
    if (!sum) {
      const out = { out: slot.storage };
      device.launch(fillKernel, out, { length: size, value: 0 });
    } else {
      const buffers = { x: sum.storage, out: slot.storage };
      device.launch(copyKernel, buffers, { length: size });
      sum.dispose();
    }
    this.#sums.set(tensor, slot);
  }
}

/** Passes the gradient of `tensor` on to the inputs it was computed from. */
function differentiate(
  tensor: Tensor,
  gradients: Gradients,
  onPath: ReadonlySet<Tensor>,
): void {
  const g = gradients.get(tensor);
  const { node } = tensor;
  if (!g || !node) return;
  const bases = new Map<number, Tensor | undefined>();
  const parts = node.vjp({
    g,
    wants: (i) => {
      const input = node.inputs[i];
      return input !== undefined && onPath.has(input);
    },
    target: (i) => {
      const target = gradients.target(node.inputs[i]!);
      bases.set(i, target.base);
      return target;
    },
  });
  for (const [i, part] of parts.entries()) {
    const input = node.inputs[i];
    if (!part || !input || !onPath.has(input)) continue;
    // The same memory may become the gradient of several tensors.
    const own = part === g ? part.view() : part;
    const sum = gradients.get(input);
    const complete = bases.has(i) && bases.get(i) === sum;
    if (!sum || complete) gradients.set(input, own);
    else {
      gradients.set(input, add(sum, own));
      own.dispose();
    }
  }
  gradients.drop(tensor);
}

/** Tensors on a path from `wrt` to `root`, each before those that use it. */
function pathTo(root: Tensor, wrt: ReadonlySet<Tensor>): Set<Tensor> {
  const path = new Set<Tensor>();
  const seen = new Set<Tensor>();
  const stack = [{ tensor: root, expanded: false }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { tensor, expanded } = top;
    const inputs = tensor.node?.inputs ?? [];
    if (expanded) {
      const reaches = inputs.some((input) => input && path.has(input));
      if (reaches || wrt.has(tensor)) path.add(tensor);
    } else if (!seen.has(tensor)) {
      seen.add(tensor);
      stack.push({ tensor, expanded: true });
      for (const input of inputs) {
        if (input) stack.push({ tensor: input, expanded: false });
      }
    }
  }
  return path;
}

function ones(root: Tensor): Tensor {
  if (root.size !== 1) {
    throw new ShapeError(
      "backward",
      [root.shape],
      "expected one element, or a seed of the same shape",
    );
  }
  return Tensor.from(root.device, root.shape, [1]);
}
