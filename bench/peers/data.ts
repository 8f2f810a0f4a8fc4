/** The same numbers for every library: weights, inputs and a text. @module */

/** Sizes of the byte transformer that every library trains. */
export interface ModelSize {
  /** Width of the residual stream, D. */
  readonly dim: number;
  /** Number of blocks. */
  readonly layers: number;
  /** Attention heads; divides `dim`. */
  readonly heads: number;
  /** Width of the feed-forward layers, F. */
  readonly hiddenDim: number;
  /** Bytes in a row, T. */
  readonly context: number;
  /** Rows in a batch, B. */
  readonly batch: number;
}

/** Names of the sizes: one of arithmetic, one of overhead. */
export type SizeName = "small" | "tiny";

/** Sizes by name. */
export const SIZES: Readonly<Record<SizeName, ModelSize>> = {
  small: {
    dim: 256,
    layers: 4,
    heads: 4,
    hiddenDim: 1024,
    context: 256,
    batch: 8,
  },
  tiny: {
    dim: 64,
    layers: 2,
    heads: 2,
    hiddenDim: 256,
    context: 64,
    batch: 4,
  },
};

/** Byte values. */
export const VOCABULARY = 256;

/** Settings of Adam (Kingma and Ba, 2014, arXiv:1412.6980). */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Loss before the step of each number, from 1, as every library has it. */
export const LOSSES: Readonly<
  Record<SizeName, Readonly<Record<number, number>>>
> = {
  small: { 1: 5.5266, 5: 3.8610, 10: 3.2835, 50: 2.0963 },
  tiny: { 50: 2.7885 },
};

/** Floating-point operations of a training step, all of attention counted. */
export function stepFlops(
  { dim, layers, hiddenDim, context, batch }: ModelSize,
): number {
  const tokens = batch * context;
  const weights = layers * (4 * dim * dim + 2 * dim * hiddenDim) +
    dim * VOCABULARY;
  return 6 * weights * tokens + 12 * layers * tokens * context * dim;
}

/** Numbers in [0, 1): mulberry32, by Tommy Ettinger. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed numbers (Box and Muller, 1958). */
export function normals(
  length: number,
  seed: number,
  scale = 1,
): Float32Array<ArrayBuffer> {
  const uniform = uniforms(seed);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = scale * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < length) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** A weight of the byte transformer; matrices are [in, out]. */
export interface Weight {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Initial numbers. */
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * Initial weights by name: a pre-LayerNorm transformer as GPT-2 (Radford et
 * al., 2019) with learned positions, and no biases in its linear layers.
 */
export function initialWeights(
  { dim, layers, hiddenDim, context }: ModelSize,
): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  let seed = 1;
  const matrix = (
    name: string,
    shape: readonly [number, number],
    scale = 0.02,
  ): void => {
    const data = normals(shape[0] * shape[1], seed++, scale);
    weights.set(name, { shape, data });
  };
  const norm = (name: string): void => {
    const data = new Float32Array(dim);
    weights.set(`${name}.gain`, { shape: [dim], data: data.map(() => 1) });
    weights.set(`${name}.bias`, { shape: [dim], data });
  };
  const last = 0.02 / Math.sqrt(2 * layers);
  matrix("tokens", [VOCABULARY, dim]);
  matrix("positions", [context, dim]);
  for (let i = 0; i < layers; i++) {
    norm(`${i}.norm1`);
    for (const name of ["q", "k", "v"]) matrix(`${i}.${name}`, [dim, dim]);
    matrix(`${i}.out`, [dim, dim], last);
    norm(`${i}.norm2`);
    matrix(`${i}.up`, [dim, hiddenDim]);
    matrix(`${i}.down`, [hiddenDim, dim], last);
  }
  norm("norm");
  matrix("head", [dim, VOCABULARY]);
  return weights;
}

/** Random words of a small lexicon: learnable, not trivial. */
function makeText(length: number): Uint8Array {
  const uniform = uniforms(77);
  const below = (n: number): number => Math.floor(uniform() * n);
  const words = Array.from(
    { length: 64 },
    () => Array.from({ length: 2 + below(6) }, () => 97 + below(26)),
  );
  const text: number[] = [];
  while (text.length < length) {
    text.push(...words[Math.floor(uniform() * uniform() * 64)]!, 32);
  }
  return Uint8Array.from(text);
}

let text: Uint8Array | undefined;

/** Rows of bytes and the byte that follows each: both [batch context]. */
export interface TrainingBatch {
  /** Bytes to read. */
  readonly inputs: Uint32Array;
  /** Bytes to predict. */
  readonly targets: Uint32Array;
}

/** Batch of the step `index`, from 0. */
export function trainingBatch(
  { batch, context }: ModelSize,
  index: number,
): TrainingBatch {
  text ??= makeText(1 << 18);
  const uniform = uniforms(1000 + index);
  const inputs = new Uint32Array(batch * context);
  const targets = new Uint32Array(batch * context);
  for (let row = 0; row < batch; row++) {
    const start = Math.floor(uniform() * (text.length - context - 1));
    inputs.set(text.subarray(start, start + context), row * context);
    targets.set(text.subarray(start + 1, start + 1 + context), row * context);
  }
  return { inputs, targets };
}
