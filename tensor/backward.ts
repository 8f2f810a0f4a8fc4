import {
  copyKernel,
  fillKernel,
  overlap,
  type Storage,
} from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { checkOperands } from "./operands.ts";
import { add } from "./ops/elementwise.ts";
import { noGrad } from "./recording.ts";
import { sameShape } from "./shape.ts";
import { type GradientTarget, Tensor } from "./tensor.ts";

/** Options of {@linkcode backward}. */
export interface BackwardOptions {
  /**
   * Gradient of the result, of its shape; may be left out when that has one
   * element.
   */
  readonly seed?: Tensor;
  /**
   * Where to leave the gradient of each of `wrt`, in order, shaped like it. A
   * slot is written in place, with zeros when the result does not depend on its
   * tensor; its memory is its own.
   */
  readonly into?: readonly Tensor[];
}

/**
 * Gradients of `<seed, root>` with respect to each of `wrt`, in order, by
 * reverse mode.
 *
 * The gradient is `undefined` for a tensor that `root` does not depend on,
 * unless `into` gives it a slot; a view counts as another tensor than what it
 * views. A tensor that is asked for twice has one gradient, in both slots.
 *
 * Throws a `ShapeError` when `root` has more than one element and there is no
 * seed, or the shape of a seed or slot differs; a `DTypeError` unless all but
 * `wrt` are numbers; a `TypeError` for tensors of two devices, slots that share
 * memory, or another count of them than of `wrt`.
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
  { seed, into }: BackwardOptions = {},
): (Tensor | undefined)[] {
  check(root, wrt, { seed, into });
  return noGrad(() => {
    const slots = new Map<Tensor, Tensor>();
    for (const [i, slot] of into?.entries() ?? []) {
      if (!slots.has(wrt[i]!)) slots.set(wrt[i]!, slot);
    }
    const gradients = new Gradients(slots, new Set(wrt));
    gradients.add(root, seed?.view() ?? ones(root));
    const path = pathTo(root, gradients.kept);
    for (const tensor of [...path].reverse()) {
      differentiate(tensor, gradients, path);
    }
    for (const [tensor, slot] of slots) gradients.settle(tensor, slot);
    return wrt.map((tensor, i) => {
      const gradient = gradients.get(tensor);
      const slot = into?.[i];
      if (gradient && slot && slot !== gradient) copy(gradient, slot);
      return slot ?? gradient;
    });
  });
}

function check(
  root: Tensor,
  wrt: readonly Tensor[],
  { seed, into }: {
    readonly seed: Tensor | undefined;
    readonly into: readonly Tensor[] | undefined;
  },
): void {
  checkOperands("backward", [root, seed, ...wrt, ...into ?? []], {
    dtypes: ["f32", "f32", ...wrt.map(({ dtype }) => dtype)],
  });
  if (seed && !sameShape(seed.shape, root.shape)) {
    throw new ShapeError(
      "backward",
      [root.shape, seed.shape],
      "the seed must be shaped like the result",
    );
  }
  if (!into) return;
  if (into.length !== wrt.length) {
    throw new TypeError(
      `Cannot leave gradients in slots: expected ${wrt.length}, one for each tensor, got ${into.length}`,
    );
  }
  const others = [root, seed, ...wrt].flatMap((tensor) =>
    tensor ? [tensor.storage] : []
  );
  const taken = new Map<Storage["block"], Storage[]>();
  for (const storage of others) take(taken, storage);
  for (const [i, { shape, storage }] of into.entries()) {
    const wanted = wrt[i]!.shape;
    if (!sameShape(shape, wanted)) {
      throw new ShapeError(
        "backward",
        [wanted, shape],
        `slot ${i} must be shaped like its tensor`,
      );
    }
    const known = taken.get(storage.block) ?? [];
    if (known.some((other) => overlap(other, storage))) {
      throw new TypeError(
        `Cannot leave a gradient in slot ${i}: expected memory of its own, got that of another slot, the result, its seed or a tensor of \`wrt\``,
      );
    }
    take(taken, storage);
  }
}

function take(
  taken: Map<Storage["block"], Storage[]>,
  storage: Storage,
): void {
  const known = taken.get(storage.block);
  if (known) known.push(storage);
  else taken.set(storage.block, [storage]);
}

/** Partial gradients by tensor. */
class Gradients {
  readonly kept: ReadonlySet<Tensor>;
  readonly #slots: ReadonlyMap<Tensor, Tensor>;
  readonly #claimed = new Set<Tensor>();
  /** Partial gradients that an operation includes in what it writes. */
  readonly #included: Tensor[] = [];
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

  /**
   * Where an operation may write the gradient of `tensor`. What there is of it
   * so far is handed over: whoever asks includes it, once, in the result.
   */
  target(tensor: Tensor): GradientTarget {
    const base = this.#sums.get(tensor);
    if (base) {
      this.#sums.delete(tensor);
      this.#included.push(base);
    }
    let slot = this.#slots.get(tensor);
    if (slot && this.#claimed.has(slot)) slot = undefined;
    if (slot) this.#claimed.add(slot);
    return { into: slot ?? Tensor.empty(tensor.device, tensor.shape), base };
  }

  /** Adds to the gradient of `tensor` and takes over `part`. */
  add(tensor: Tensor, part: Tensor): void {
    const sum = this.#sums.get(tensor);
    this.#sums.set(tensor, sum ? add(sum, part) : part);
    if (!sum) return;
    this.#free(sum);
    this.#free(part);
  }

  /** Frees what gradients include by now. */
  release(): void {
    for (const base of this.#included.splice(0)) this.#free(base);
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
    if (!sum) {
      const out = { out: slot.storage };
      slot.device.launch(fillKernel, out, { length: slot.size, value: 0 });
    } else {
      copy(sum, slot);
      sum.dispose();
    }
    this.#sums.set(tensor, slot);
  }

  #free(gradient: Tensor): void {
    if (!this.#claimed.has(gradient)) gradient.dispose();
  }
}

function copy(from: Tensor, to: Tensor): void {
  const buffers = { x: from.storage, out: to.storage };
  to.device.launch(copyKernel, buffers, { length: to.size });
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
  const wanted = (i: number): Tensor | undefined => {
    const input = node.inputs[i];
    return input && onPath.has(input) ? input : undefined;
  };
  const parts = node.vjp({
    g,
    wants: (i) => wanted(i) !== undefined,
    target: (i) => gradients.target(node.inputs[i]!),
  });
  for (const [i, part] of parts.entries()) {
    const input = wanted(i);
    // The same memory may become the gradient of several tensors.
    if (part && input) gradients.add(input, part === g ? part.view() : part);
    else if (part !== g) part?.dispose();
  }
  gradients.release();
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
