import {
  type Device,
  panelled,
  panelsKernel,
  type Storage,
} from "../kernels/mod.ts";

/** Copy of a matrix in panels, made when it is first asked for. */
export class Panels {
  readonly #device: Device;
  readonly #source: Storage;
  readonly #sizes: { readonly n: number; readonly k: number };
  #copy: Storage | undefined;
  #stale = true;

  /** Of `source`: [n, k]. */
  constructor(
    device: Device,
    source: Storage,
    [n, k]: readonly [n: number, k: number],
  ) {
    this.#device = device;
    this.#source = source;
    this.#sizes = { n, k };
  }

  /** The copy, made anew after `refresh`. */
  get storage(): Storage {
    const { n, k } = this.#sizes;
    this.#copy ??= this.#device.allocate(4 * panelled(n) * k);
    if (this.#stale) {
      const buffers = { x: this.#source, out: this.#copy };
      this.#device.launch(panelsKernel, buffers, this.#sizes);
      this.#stale = false;
    }
    return this.#copy;
  }

  /** Tells that the matrix changed. */
  refresh(): void {
    this.#stale = true;
  }

  /** Frees the copy. */
  dispose(): void {
    if (this.#copy) this.#device.free(this.#copy);
    this.#copy = undefined;
    this.#stale = true;
  }
}
