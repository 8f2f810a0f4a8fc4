import { assertEquals, assertThrows } from "@std/assert";
import {
  AdamW,
  Embedding,
  GELU,
  hiddenDimOf,
  KvCache,
  LayerNorm,
  learningRate,
  Linear,
  type Optimizer,
  Parameter,
  placeWeights,
  RMSNorm,
  sample,
  SelfAttention,
  SGD,
  SwiGLU,
  Transformer,
  type TransformerConfig,
  type Weights,
} from "../../nn/mod.ts";
import { type Device, Rng, Tensor } from "../../tensor/mod.ts";
import { deviceTest, otherDevice } from "../support/devices.ts";

const rng = new Rng(1);

const CONFIG: TransformerConfig = {
  layers: 1,
  dim: 4,
  heads: 1,
  hiddenDim: 4,
  window: 4,
  ropeTheta: 10,
};

function weightsOf(device: Device): Weights {
  return placeWeights({ w: new Parameter([1], new Float32Array(1)) }, device);
}

function step(optimizer: Optimizer, lr: number): void {
  using _optimizer = optimizer;
  optimizer.step(lr);
}

type Take = (n: number, device: Device) => unknown;

/** What takes counts from 1 on. */
const COUNTS: Readonly<Record<string, Take>> = {
  inDim: (n) => new Linear(n, 2, { rng }),
  outDim: (n) => new Linear(2, n, { rng }),
  "count of vectors": (n) => new Embedding(n, 2, { rng }),
  "width of vectors": (n) => new Embedding(2, n, { rng }),
  "width of RMSNorm": (n) => new RMSNorm(n),
  "width of LayerNorm": (n) => new LayerNorm(n),
  "width of SwiGLU": (n) => new SwiGLU(n, { hiddenDim: 2, rng }),
  "hidden width of SwiGLU": (n) => new SwiGLU(2, { hiddenDim: n, rng }),
  "hidden width of GELU": (n) => new GELU(2, { hiddenDim: n, rng }),
  "width of attention": (n) => new SelfAttention(n, { heads: 1, rng }),
  heads: (n) => new SelfAttention(4, { heads: n, rng }),
  "width of a transformer": (n) => new Transformer({ ...CONFIG, dim: n }, rng),
  multiple: (n) => hiddenDimOf(4, n),
  "window of a cache": (n, device) =>
    new KvCache(device, { ...CONFIG, window: n }),
  "heads of a cache": (n, device) =>
    new KvCache(device, { ...CONFIG, heads: n }),
  cooldownSteps: (n) =>
    learningRate({
      kind: "trapezoid",
      peak: 1,
      warmupSteps: 1,
      totalSteps: 5,
      cooldownSteps: n,
    }, 1),
};

/** What takes counts from 0 on. */
const SIZES: Readonly<Record<string, Take>> = {
  layers: (n) => new Transformer({ ...CONFIG, layers: n }, rng),
  "layers of a cache": (n, device) =>
    new KvCache(device, { ...CONFIG, layers: n }),
  "rows to add": (n, device) => new KvCache(device, CONFIG).extend(n),
  "step of a schedule": (n) =>
    learningRate({ kind: "constant", peak: 1, warmupSteps: 1 }, n),
  warmupSteps: (n) =>
    learningRate({ kind: "constant", peak: 1, warmupSteps: n }, 1),
  totalSteps: (n) =>
    learningRate({
      kind: "cosine",
      peak: 1,
      warmupSteps: 0,
      totalSteps: n + Number(n === 0),
      finalFraction: 0,
    }, 1),
  "steps of an optimizer": (n, device) => {
    using optimizer = new AdamW(weightsOf(device));
    optimizer.steps = n;
    optimizer.step(0.1);
  },
  forbid: (n) => sample(new Float32Array(3), rng, { forbid: [n] }),
};

/** What takes numbers from 0 on. */
const NUMBERS: Readonly<Record<string, Take>> = {
  "rate of AdamW": (n, device) => step(new AdamW(weightsOf(device)), n),
  "rate of SGD": (n, device) => step(new SGD(weightsOf(device)), n),
  beta1: (n, device) => new AdamW(weightsOf(device), { betas: [n / 2, 0.9] }),
  beta2: (n, device) => new AdamW(weightsOf(device), { betas: [0.9, n / 2] }),
  "decay of AdamW": (n, device) =>
    new AdamW(weightsOf(device), { weightDecay: n }),
  "decay of SGD": (n, device) => new SGD(weightsOf(device), { weightDecay: n }),
  momentum: (n, device) => new SGD(weightsOf(device), { momentum: n }),
  "eps of RMSNorm": (n) => new RMSNorm(2, { eps: n }),
  "eps of LayerNorm": (n) => new LayerNorm(2, { eps: n }),
  "sigma of Linear": (n) => new Linear(2, 2, { rng, sigma: n }),
  "sigma of Embedding": (n) => new Embedding(2, 2, { rng, sigma: n }),
  temperature: (n) => sample(new Float32Array(2), rng, { temperature: n }),
  peak: (n) => learningRate({ kind: "constant", peak: n, warmupSteps: 0 }, 1),
  "eps of AdamW": (n, device) =>
    new AdamW(weightsOf(device), { eps: n === 0 ? 1e-8 : n }),
};

/** What takes numbers above 0. */
const POSITIVE: Readonly<Record<string, Take>> = {
  "smallest eps of AdamW": (n, device) =>
    new AdamW(weightsOf(device), { eps: n === Infinity ? 1 : n }),
  "clip of AdamW": (n, device) => new AdamW(weightsOf(device), { clip: n }),
  "clip of SGD": (n, device) => new SGD(weightsOf(device), { clip: n }),
  ropeTheta: (n) =>
    new Transformer({ ...CONFIG, ropeTheta: n === Infinity ? 1 : n }, rng),
  "window of a transformer": (n) =>
    new Transformer({ ...CONFIG, window: n === 0.5 ? 2 : n }, rng),
};

const TABLES = [
  [COUNTS, [1, 2], [0, -1, -3, 1.5, NaN, Infinity, -Infinity, 1e300]],
  [SIZES, [0, 1], [-1, -3, 0.5, NaN, Infinity, -Infinity, 1e300]],
  [NUMBERS, [0, 1], [-0.5, NaN, Infinity, -Infinity, 1e300]],
  [POSITIVE, [0.5, 2, Infinity], [0, -1, NaN, -Infinity]],
] as const;

for (const [table, good, bad] of TABLES) {
  for (const [name, take] of Object.entries(table)) {
    const [device] = [otherDevice];
    Deno.test(`${name}: only numbers that make sense are taken`, () => {
      if (name === "width of a transformer") take(2, device);
      else for (const n of good) take(n, device);
      for (const n of bad) {
        assertThrows(() => take(n, device), RangeError, "Cannot", `${n}`);
      }
    });
  }
}

deviceTest("a step by no learning rate leaves the weights", async (device) => {
  const weights = weightsOf(device);
  using optimizer = new AdamW(weights);
  const [w] = weights.arena.values.values();
  weights.arena.write("gradients", new Map([["w", Float32Array.of(1)]]));
  assertThrows(
    () => optimizer.step(NaN),
    RangeError,
    "Cannot step AdamW with lr: expected a number >= 0, got NaN",
  );
  assertEquals([...await w!.data()], [0]);
  assertEquals(optimizer.steps, 0);
});

deviceTest("KvCache notices rows of another device or type", (device) => {
  const attend = new KvCache(device, CONFIG).extend(1);
  using far = Tensor.from(otherDevice, [1, 12], new Float32Array(12));
  assertThrows(() => attend(far, 0), TypeError, "two devices");
  const ids = Tensor.from(device, [1, 12], new Uint32Array(12));
  assertThrows(() => attend(ids, 0), TypeError, "must be f32");
});
