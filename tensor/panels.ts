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

  /** The copy. */
  get storage(): Storage {
    if (!this.#copy) {
      const { n, k } = this.#sizes;
      this.#copy = this.#device.allocate(4 * panelled(n) * k);
      this.refresh();
    }
    return this.#copy;
  }

  /** Makes the copy, if there is one, again. */
  refresh(): void {
    if (!this.#copy) return;
    const buffers = { x: this.#source, out: this.#copy };
    this.#device.launch(panelsKernel, buffers, this.#sizes);
  }

  /** Frees the copy. */
  dispose(): void {
    if (this.#copy) this.#device.free(this.#copy);
    this.#copy = undefined;
  }
}
