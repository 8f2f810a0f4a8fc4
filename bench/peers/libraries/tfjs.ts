import {
  ADAM,
  initialWeights,
  normals,
  SIZES,
  trainingBatch,
  VOCABULARY,
} from "../data.ts";
import {
  absoluteSum,
  EPS,
  gatherIds,
  type Library,
  SEEDS,
  type Task,
  type Work,
} from "../work.ts";
import { startThreadedWasm } from "./tfjs_threads.ts";

/** A tensor of TensorFlow.js. */
interface TfTensor {
  add(other: TfTensor | number): TfTensor;
  sub(other: TfTensor | number): TfTensor;
  mul(other: TfTensor | number): TfTensor;
  div(other: TfTensor | number): TfTensor;
  square(): TfTensor;
  rsqrt(): TfTensor;
  tanh(): TfTensor;
  neg(): TfTensor;
  sum(): TfTensor;
  mean(axis: number, keepDims: boolean): TfTensor;
  reshape(shape: readonly number[]): TfTensor;
  transpose(axes: readonly number[]): TfTensor;
  cast(dtype: "float32"): TfTensor;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Tensors = Readonly<Record<string, TfTensor>>;

/** Those parts of TensorFlow.js 4.22.0 that are used. */
export interface Tf {
  setBackend(name: string): Promise<boolean>;
  getBackend(): string;
  ready(): Promise<void>;
  env(): { set(flag: string, value: boolean): void };
  tensor(
    data: Float32Array | Int32Array,
    shape: readonly number[],
    dtype?: "int32",
  ): TfTensor;
  variable(
    value: TfTensor,
    trainable: boolean,
    name: string,
  ): TfTensor;
  tidy<T>(f: () => T): T;
  dispose(tensors: readonly (TfTensor | Tensors)[]): void;
  slice(x: TfTensor, start: number, length: number): TfTensor;
  matMul(
    a: TfTensor,
    b: TfTensor,
    transposeA?: boolean,
    transposeB?: boolean,
  ): TfTensor;
  softmax(x: TfTensor): TfTensor;
  logSoftmax(x: TfTensor): TfTensor;
  relu(x: TfTensor): TfTensor;
  gather(table: TfTensor, ids: TfTensor): TfTensor;
  oneHot(ids: TfTensor, classes: number): TfTensor;
  moments(
    x: TfTensor,
    axis: number,
    keepDims: boolean,
  ): { mean: TfTensor; variance: TfTensor };
  grads(
    f: (...inputs: TfTensor[]) => TfTensor,
  ): (inputs: readonly TfTensor[]) => TfTensor[];
  variableGrads(f: () => TfTensor): { value: TfTensor; grads: Tensors };
  readonly train: {
    adam(
      lr: number,
      beta1: number,
      beta2: number,
      eps: number,
    ): { applyGradients(gradients: Tensors): void };
  };
}

/** TensorFlow.js on "wasm", with 1 thread or 2, or "webgpu". */
export async function openTfjs(
  backend: string,
  threads: number,
): Promise<Library> {
  const name: string = "@tensorflow/tfjs";
  const tf: Tf = await import(name);
  const plugin: string = `@tensorflow/tfjs-backend-${backend}`;
  if (threads > 1) await startThreadedWasm(tf, threads);
  else {
    await import(plugin);
    if (backend === "wasm") {
      tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    }
    await tf.setBackend(backend);
  }
  await tf.ready();
  if (tf.getBackend() !== backend) {
    throw new Error(`tfjs has no ${backend} here`);
  }
  return {
    description: `tfjs 4.22.0, ${backend}`,
    prepare: (work) =>
      Promise.resolve(
        work.kind === "step"
          ? trainingTask(tf, work)
          : operationTask(tf, operation(tf, work)),
      ),
  };
}

/** Waits for the device: reads one element. */
async function settle(tf: Tf, x: TfTensor): Promise<void> {
  const one = tf.tidy(() => tf.slice(x.reshape([-1]), 0, 1));
  await one.data();
  one.dispose();
}

function operationTask(tf: Tf, compute: () => TfTensor[]): Task {
  return {
    async run(times): Promise<void> {
      for (let i = 1; i <= times; i++) {
        const outs = tf.tidy(compute);
        if (i === times) await settle(tf, outs[0]!);
        tf.dispose(outs);
      }
    },
    async check(): Promise<number> {
      let sum = 0;
      for (const out of tf.tidy(compute)) sum += absoluteSum(await out.data());
      return sum;
    },
  };
}

function layerNorm(
  tf: Tf,
  x: TfTensor,
  gain: TfTensor,
  bias: TfTensor,
): TfTensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(EPS).rsqrt()).mul(gain).add(bias);
}

/** What must be added to scores so that no position sees a later one. */
function causalMask(tf: Tf, length: number): TfTensor {
  const data = Float32Array.from(
    { length: length ** 2 },
    (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  return tf.tensor(data, [length, length]);
}

/** q, k, v: [..., T, E] */
function attend(
  tf: Tf,
  [q, k, v]: readonly [TfTensor, TfTensor, TfTensor],
  mask: TfTensor,
  headWidth: number,
): TfTensor {
  const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(headWidth));
  return tf.matMul(tf.softmax(scores.add(mask)), v);
}

function operation(
  tf: Tf,
  work: Exclude<Work, { readonly kind: "step" }>,
): () => TfTensor[] {
  const make = (shape: readonly number[], seed: number): TfTensor =>
    tf.tensor(normals(shape.reduce((a, b) => a * b), seed), shape);
  switch (work.kind) {
    case "matmul": {
      const { m, k, n, transposeA, transposeB } = work;
      const a = make(transposeA ? [k, m] : [m, k], SEEDS.a);
      const b = make(transposeB ? [n, k] : [k, n], SEEDS.b);
      return () => [tf.matMul(a, b, transposeA, transposeB)];
    }
    case "attention": {
      const { heads, length, headWidth, gradient } = work;
      const input = (seed: number): TfTensor =>
        make([1, heads, length, headWidth], seed);
      const qkv = [
        input(SEEDS.q),
        input(SEEDS.q + 1),
        input(SEEDS.q + 2),
      ] as const;
      const mask = causalMask(tf, length);
      if (!gradient) return () => [attend(tf, qkv, mask, headWidth)];
      const up = input(SEEDS.up);
      const gradients = tf.grads((q, k, v) =>
        attend(tf, [q!, k!, v!], mask, headWidth).mul(up).sum()
      );
      return () => gradients(qkv);
    }
    case "softmax": {
      const x = make([work.rows, work.cols], SEEDS.x);
      return () => [tf.softmax(x)];
    }
    case "layerNorm":
    case "rmsNorm": {
      const x = make([work.rows, work.cols], SEEDS.x);
      const gain = make([work.cols], SEEDS.gain);
      const bias = make([work.cols], SEEDS.bias);
      if (work.kind === "layerNorm") {
        return () => [layerNorm(tf, x, gain, bias)];
      }
      return () => {
        const squares = x.square().mean(-1, true);
        return [x.mul(squares.add(EPS).rsqrt()).mul(gain)];
      };
    }
    case "chain": {
      const [x, y] = [
        make([work.length], SEEDS.a),
        make([work.length], SEEDS.b),
      ];
      return () => [tf.relu(x.mul(1.5).add(y).mul(x).sub(0.25))];
    }
    case "gather": {
      const table = make([work.count, work.cols], SEEDS.x);
      const data = Int32Array.from(gatherIds(work.count, work.rows));
      const ids = tf.tensor(data, [work.rows], "int32");
      return () => [tf.gather(table, ids)];
    }
    case "adam": {
      const { lr, beta1, beta2, eps } = ADAM;
      const x = tf.variable(make([work.length], SEEDS.x), true, "x");
      const gradients = { x: make([work.length], SEEDS.a) };
      const adam = tf.train.adam(lr, beta1, beta2, eps);
      return () => {
        adam.applyGradients(gradients);
        return [x.reshape([work.length])];
      };
    }
  }
}

function trainingTask(tf: Tf, work: Work & { readonly kind: "step" }): Task {
  const size = SIZES[work.size];
  const { dim, layers, heads, context, batch } = size;
  const rows = batch * context;
  const weights = new Map(
    [...initialWeights(size)].map(([name, { data, shape }]) => [
      name,
      tf.variable(tf.tensor(data, shape), true, name),
    ]),
  );
  const weight = (name: string): TfTensor => weights.get(name)!;
  const norm = (x: TfTensor, name: string): TfTensor =>
    layerNorm(tf, x, weight(`${name}.gain`), weight(`${name}.bias`));
  const gelu = (x: TfTensor): TfTensor => {
    const inner = x.square().mul(x).mul(0.044715).add(x);
    return inner.mul(Math.sqrt(2 / Math.PI)).tanh().add(1).mul(x).mul(0.5);
  };
  const mask = causalMask(tf, context);

  const loss = (inputs: TfTensor, targets: TfTensor): TfTensor => {
    // The gradient of gather needs what the wasm backend lacks.
    const tokens = tf.oneHot(inputs, VOCABULARY).cast("float32");
    let x = tf.matMul(tokens, weight("tokens"))
      .reshape([batch, context, dim]).add(weight("positions"))
      .reshape([rows, dim]);
    for (let i = 0; i < layers; i++) {
      const normed = norm(x, `${i}.norm1`);
      const part = (name: string): TfTensor =>
        tf.matMul(normed, weight(`${i}.${name}`))
          .reshape([batch, context, heads, dim / heads])
          .transpose([0, 2, 1, 3]);
      const qkv = [part("q"), part("k"), part("v")] as const;
      const mixed = attend(tf, qkv, mask, dim / heads)
        .transpose([0, 2, 1, 3]).reshape([rows, dim]);
      x = x.add(tf.matMul(mixed, weight(`${i}.out`)));
      const up = tf.matMul(norm(x, `${i}.norm2`), weight(`${i}.up`));
      x = x.add(tf.matMul(gelu(up), weight(`${i}.down`)));
    }
    const logits = tf.matMul(norm(x, "norm"), weight("head"));
    const nats = tf.logSoftmax(logits).mul(tf.oneHot(targets, VOCABULARY));
    return nats.sum().neg().div(rows);
  };

  const { lr, beta1, beta2, eps } = ADAM;
  const adam = tf.train.adam(lr, beta1, beta2, eps);
  let steps = 0;
  let last = NaN;
  return {
    async run(times): Promise<void> {
      for (let i = 0; i < times; i++) {
        const { inputs, targets } = trainingBatch(size, steps++);
        const ids = (data: Uint32Array): TfTensor =>
          tf.tensor(Int32Array.from(data), [rows], "int32");
        const [x, y] = [ids(inputs), ids(targets)];
        const { value, grads } = tf.variableGrads(() => loss(x, y));
        adam.applyGradients(grads);
        await settle(tf, weight("head"));
        [last = NaN] = await value.data();
        tf.dispose([x, y, value, grads]);
      }
    },
    check: () => Promise.resolve(last),
  };
}
