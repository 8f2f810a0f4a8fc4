import {
  checkNumber,
  type Device,
  METRICS_AT_ONCE,
  recordKernel,
} from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/** What a {@linkcode MetricsRing} held. */
export interface Metrics {
  /** One row of numbers per recorded step, oldest first. */
  readonly rows: readonly Float32Array[];
  /** Older steps that were overwritten before they were read. */
  readonly lost: number;
}

/** Keeps numbers of the last steps on the device, so that no step waits. */
export class MetricsRing implements Disposable {
  /** Steps that are kept. */
  readonly slots: number;
  /** Numbers in each step. */
  readonly fields: number;
  readonly #ring: Tensor;
  #recorded = 0;
  #read = 0;

  /**
   * Room for `slots` steps of `fields` numbers. Throws a `RangeError` unless both
   * are 1 or more.
   */
  constructor(
    device: Device,
    { slots, fields }: { readonly slots: number; readonly fields: number },
  ) {
    checkNumber("keep slots of metrics", slots, { whole: true, least: 1 });
    checkNumber("keep fields of metrics", fields, { whole: true, least: 1 });
    this.slots = slots;
    this.fields = fields;
    this.#ring = Tensor.empty(device, [slots, fields]);
  }

  /**
   * Copies one step's scalars, one per field; never waits. Throws a
   * `ShapeError` when there are more or fewer, or one has several elements, and a
   * `DTypeError` for indices.
   */
  record(scalars: readonly Tensor[]): void {
    const { fields } = this;
    checkOperands("record", [this.#ring, ...scalars]);
    if (
      scalars.length !== fields || scalars.some(({ size }) => size !== 1)
    ) {
      const shapes = scalars.map(({ shape }) => shape);
      throw new ShapeError("record", shapes, `expected ${fields} scalars`);
    }
    const slot = this.#recorded++ % this.slots;
    for (let i = 0; i < fields; i += METRICS_AT_ONCE) {
      const some = scalars.slice(i, i + METRICS_AT_ONCE);
      const [a, b = a, c = a, d = a] = some.map(({ storage }) => storage);
      this.#ring.device.launch(recordKernel, {
        a: a!,
        b: b!,
        c: c!,
        d: d!,
        ring: this.#ring.storage,
      }, { at: slot * fields + i, count: some.length });
    }
  }

  /** Everything recorded since the last call; waits for the device once. */
  async read(): Promise<Metrics> {
    const { slots, fields } = this;
    const end = this.#recorded;
    const start = Math.max(this.#read, end - slots);
    const lost = start - this.#read;
    this.#read = end;
    const numbers = await this.#ring.data();
    const rows = Array.from({ length: end - start }, (_, i) => {
      const at = (start + i) % slots * fields;
      return numbers.slice(at, at + fields);
    });
    return { rows, lost };
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.#ring.dispose();
  }
}
