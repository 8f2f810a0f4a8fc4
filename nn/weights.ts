import { Arena, backward, type Device, type Tensor } from "../tensor/mod.ts";
import { type Parameter, parameters } from "./module.ts";

/**
 * As what matrix products read weights on their right, such as those of
 * `Linear`: f32, or copies in f16, half as many bytes. Sums, the weights
 * themselves and their optimizer stay f32 (Micikevicius et al., 2018,
 * arXiv:1710.03740). In f16 a weight beyond 65504 is infinite.
 */
export type WeightStorage = "f32" | "f16";

/** Options of {@linkcode placeWeights}. */
export interface PlaceOptions {
  /** Whether weight decay applies to a parameter; default to all. */
  readonly decays?: (name: string, parameter: Parameter) => boolean;
  /** Factor of a parameter's learning rate; default 1. */
  readonly lrScale?: (name: string) => number;
  /** As what products read the weights; default f32. */
  readonly storage?: WeightStorage;
  /**
   * Whether products of few rows, as in generation, read copies of the weights
   * in panels on the CPU device: twice the memory, a third of the time; default
   * false.
   */
  readonly panels?: boolean;
}

/** The parameters of a model on a device, with their gradients. */
export class Weights implements Disposable {
  /** Memory of all parameters. */
  readonly arena: Arena;
  readonly #values: readonly Tensor[];

  /** Takes over `arena`. */
  constructor(arena: Arena) {
    this.arena = arena;
    this.#values = [...arena.values.values()];
  }

  /**
   * Leaves the gradient of a scalar loss with respect to each parameter in
   * `arena.gradients`; zeros where it does not depend on one.
   */
  backward(loss: Tensor): void {
    const into = [...this.arena.gradients.values()];
    backward(loss, this.#values, { into });
  }

  /** Frees the memory; the model cannot be used any more. */
  [Symbol.dispose](): void {
    this.arena.dispose();
  }
}

/**
 * Moves the parameters of `module` to `device`, side by side in an arena.
 *
 * The result owns their memory: it belongs to the scope it is made in, or can
 * be disposed by `using`. Throws a `ReferenceError` when they are on a device,
 * and a `DeviceError` where it cannot store them in f16.
 */
export function placeWeights(
  module: object,
  device: Device,
  {
    decays = () => true,
    lrScale = () => 1,
    storage = "f32",
    panels = false,
  }: PlaceOptions = {},
): Weights {
  const found = parameters(module);
  const entries = [...found].map(([name, parameter]) =>
    [name, {
      shape: parameter.shape,
      initial: parameter.initial,
      decay: decays(name, parameter),
      lrScale: lrScale(name),
    }] as const
  );
  const arena = new Arena(device, new Map(entries), {
    halves: storage === "f16",
    panels,
  });
  for (const [name, parameter] of found) {
    parameter.place(arena.values.get(name)!);
  }
  return new Weights(arena);
}
