import {
  Blt,
  type BltConfig,
  ByteTransformer,
  type ByteTransformerConfig,
  type PatcherConfig,
  patchStarts,
} from "../../blt/mod.ts";
import { AdamW, placeWeights, type Weights } from "../../nn/mod.ts";
import {
  crossEntropy,
  type Device,
  Rng,
  Scope,
  Tensor,
} from "../../tensor/mod.ts";

/** Ids of a stream cut into rows, and how to cut those into patches. */
export interface TrainingRows {
  /** [rows * context + 1]: the last one is a target only. */
  readonly stream: Uint32Array;
  /** Ids in a row; the stream holds a whole number of rows. */
  readonly context: number;
  /** Patches of a BLT. */
  readonly patcher: PatcherConfig;
}

/** A model in training. Its memory belongs to the scope it is made in. */
export class Trainer implements Disposable {
  /** Parameters and gradients. */
  readonly weights: Weights;
  readonly #device: Device;
  readonly #optimizer: AdamW;
  readonly #forward: (rows: TrainingRows) => Tensor;

  /** A new model with weights from one seed, for rows of up to `context` ids. */
  constructor(
    device: Device,
    config: BltConfig | ByteTransformerConfig,
    context: number,
  ) {
    this.#device = device;
    if (config.kind === "blt") {
      const model = new Blt(config, new Rng(1));
      this.weights = placeWeights(model, device);
      const tables = model.tables(device, context);
      this.#forward = (rows) =>
        model.forward(model.batch(device, hostRows(rows), tables));
    } else {
      const model = new ByteTransformer(config, new Rng(1));
      this.weights = placeWeights(model, device);
      const tables = model.tables(device, context);
      this.#forward = (rows) =>
        model.forward(model.batch(device, hostRows(rows), tables));
    }
    this.#optimizer = new AdamW(this.weights, { clip: 1 });
  }

  /** One step; its loss in nats belongs to the open scope. -> [] */
  step(rows: TrainingRows, lr: number = 1e-3): Tensor {
    using step = new Scope();
    const targets = rows.stream.slice(1);
    const loss = crossEntropy(
      this.#forward(rows),
      Tensor.from(this.#device, [targets.length], targets),
    );
    this.weights.backward(loss);
    this.#optimizer.step(lr);
    this.#device.submit();
    return step.keep(loss);
  }

  /** Frees what the optimizer and the weights hold. */
  [Symbol.dispose](): void {
    this.#optimizer[Symbol.dispose]();
    this.weights[Symbol.dispose]();
  }
}

function hostRows({ stream, context, patcher }: TrainingRows): {
  ids: Uint32Array;
  lengths: number[];
  starts: Uint8Array[];
} {
  const ids = stream.slice(0, -1);
  const rows = Array.from(
    { length: ids.length / context },
    (_, row) => ids.subarray(row * context, (row + 1) * context),
  );
  return {
    ids,
    lengths: rows.map(({ length }) => length),
    starts: rows.map((ids) => patchStarts({ ids }, patcher)),
  };
}
