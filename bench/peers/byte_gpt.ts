import {
  AdamW,
  Embedding,
  GELU,
  LayerNorm,
  Linear,
  placeWeights,
  SelfAttention,
  type Weights,
} from "../../nn/mod.ts";
import {
  causal,
  crossEntropy,
  type Device,
  GatherIndex,
  Intervals,
  Rng,
  Scope,
  selfAttention,
  Tensor,
} from "../../tensor/mod.ts";
import {
  ADAM,
  initialWeights,
  type ModelSize,
  type TrainingBatch,
  VOCABULARY,
  type Weight,
} from "./data.ts";

/** Pre-norm block as in GPT-2 (Radford et al., 2019), without biases. */
class Block {
  readonly attentionNorm: LayerNorm;
  readonly attention: SelfAttention;
  readonly feedForwardNorm: LayerNorm;
  readonly feedForward: GELU;

  constructor({ dim, heads, hiddenDim }: ModelSize, rng: Rng) {
    this.attentionNorm = new LayerNorm(dim);
    this.attention = new SelfAttention(dim, { heads, rng });
    this.feedForwardNorm = new LayerNorm(dim);
    this.feedForward = new GELU(dim, { hiddenDim, rng });
  }

  /** x: [R, D] -> [R, D] */
  forward(x: Tensor, attend: (qkv: Tensor) => Tensor): Tensor {
    const mixed = this.attention.forward(
      this.attentionNorm.forward(x),
      attend,
      x,
    );
    return this.feedForward.forward(this.feedForwardNorm.forward(mixed), mixed);
  }
}

/** Byte transformer in the manner of GPT-2, which every library can build. */
class ByteGpt {
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly head: Linear;
  readonly #heads: number;

  constructor(size: ModelSize) {
    const { dim, layers, context, heads } = size;
    const rng = new Rng(0);
    this.tokens = new Embedding(VOCABULARY, dim, { rng });
    this.positions = new Embedding(context, dim, { rng });
    this.blocks = Array.from({ length: layers }, () => new Block(size, rng));
    this.norm = new LayerNorm(dim);
    this.head = new Linear(dim, VOCABULARY, { rng });
    this.#heads = heads;
  }

  /** Logits of the next byte. -> [R, V] */
  forward(
    tokens: GatherIndex,
    positions: GatherIndex,
    intervals: Intervals,
  ): Tensor {
    let x = this.positions.forward(positions, this.tokens.forward(tokens));
    const heads = this.#heads;
    for (const block of this.blocks) {
      x = block.forward(x, (qkv) => selfAttention(qkv, intervals, { heads }));
    }
    return this.head.forward(this.norm.forward(x));
  }
}

/** The byte transformer while it is being trained; frees all with itself. */
export class ByteGptTraining implements Disposable {
  readonly #device: Device;
  readonly #owned = new DisposableStack();
  readonly #model: ByteGpt;
  readonly #weights: Weights;
  readonly #optimizer: AdamW;
  readonly #positions: GatherIndex;
  readonly #intervals: Intervals;

  /** Starts from the weights that every library starts from. */
  constructor(device: Device, size: ModelSize) {
    const { batch, context } = size;
    this.#device = device;
    this.#model = new ByteGpt(size);
    const owned = this.#owned;
    this.#weights = owned.use(placeWeights(this.#model, device));
    this.#weights.arena.write("values", ourWeights(size));
    this.#optimizer = owned.use(
      new AdamW(this.#weights, {
        betas: [ADAM.beta1, ADAM.beta2],
        eps: ADAM.eps,
        weightDecay: 0,
      }),
    );
    const positions = Uint32Array.from(
      { length: batch * context },
      (_, i) => i % context,
    );
    this.#positions = owned.use(
      GatherIndex.from(device, positions, { rows: context }),
    );
    const ends = causal(Array<number>(batch).fill(context));
    this.#intervals = owned.use(Intervals.from(device, ends, batch * context));
  }

  /** One step; never waits. Returns the loss before it, to be disposed. [] */
  step({ inputs, targets }: TrainingBatch): Tensor {
    using step = new Scope();
    const device = this.#device;
    const tokens = GatherIndex.from(device, inputs, { rows: VOCABULARY });
    const expected = Tensor.from(device, [targets.length], targets);
    const logits = this.#model.forward(
      tokens,
      this.#positions,
      this.#intervals,
    );
    const loss = crossEntropy(logits, expected);
    this.#weights.backward(loss);
    this.#optimizer.step(ADAM.lr);
    device.submit();
    return step.keep(loss);
  }

  /** Frees weights, optimizer and indices. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The common weights under our names; our linear layers are [out, in]. */
function ourWeights(size: ModelSize): ReadonlyMap<string, Float32Array> {
  const weights = initialWeights(size);
  const data = (name: string): Float32Array => weights.get(name)!.data;
  const linear = (...names: string[]): Float32Array =>
    concatenated(names.map((name) => transposed(weights.get(name)!)));
  const layers = Array.from({ length: size.layers }, (_, i) => {
    const block = `blocks.${i}`;
    return [
      [`${block}.attentionNorm.gain`, data(`${i}.norm1.gain`)],
      [`${block}.attentionNorm.bias`, data(`${i}.norm1.bias`)],
      [
        `${block}.attention.qkv.weight`,
        linear(`${i}.q`, `${i}.k`, `${i}.v`),
      ],
      [`${block}.attention.out.weight`, linear(`${i}.out`)],
      [`${block}.feedForwardNorm.gain`, data(`${i}.norm2.gain`)],
      [`${block}.feedForwardNorm.bias`, data(`${i}.norm2.bias`)],
      [`${block}.feedForward.up.weight`, linear(`${i}.up`)],
      [`${block}.feedForward.down.weight`, linear(`${i}.down`)],
    ] as const;
  });
  return new Map([
    ["tokens.table", data("tokens")],
    ["positions.table", data("positions")],
    ...layers.flat(),
    ["norm.gain", data("norm.gain")],
    ["norm.bias", data("norm.bias")],
    ["head.weight", linear("head")],
  ]);
}

/** [in, out] -> [out, in] */
function transposed({ shape, data }: Weight): Float32Array {
  const [rows = 0, columns = 0] = shape;
  return Float32Array.from(
    data,
    (_, i) => data[i % rows * columns + Math.floor(i / rows)]!,
  );
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(
    parts.reduce((length, part) => length + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
