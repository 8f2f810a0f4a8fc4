import {
  type Device,
  panelled,
  panelsKernel,
  type Storage,
} from "../kernels/mod.ts";

/** Copy of a matrix in panels, made when it is asked for. */
export class Panels {
  /** Of the matrix: [n, k]. */
  readonly shape: readonly [n: number, k: number];
  readonly #device: Device;
  readonly #source: Storage;
  #copy: Storage | undefined;
  #stale = true;

  /** Of `source`: [n, k]. */
  constructor(
    device: Device,
    source: Storage,
    shape: readonly [n: number, k: number],
  ) {
    this.shape = shape;
    this.#device = device;
    this.#source = source;
  }

  /** The copy, made anew when the matrix has changed. */
  get storage(): Storage {
    const [n, k] = this.shape;
    this.#copy ??= this.#device.allocate(4 * panelled(n) * k);
    if (this.#stale) {
      const buffers = { x: this.#source, out: this.#copy };
      this.#device.launch(panelsKernel, buffers, { n, k });
      this.#stale = false;
    }
    return this.#copy;
  }

  /** Tells that the matrix changes. */
  outdate(): void {
    this.#stale = true;
  }

  /** Frees the copy. */
  dispose(): void {
    if (this.#copy) this.#device.free(this.#copy);
    this.#copy = undefined;
    this.#stale = true;
  }
}
