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

/** An array of jax-js; each use consumes it unless it is a `ref`. */
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  mean(axis: number, options: { keepdims: boolean }): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(axes?: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Arrays = Readonly<Record<string, JaxArray>>;
type JaxFunction = (...inputs: JaxArray[]) => JaxArray[];

/** Those parts of jax-js 0.1.25 that are used. */
interface Jax {
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): void;
  blockUntilReady(arrays: readonly JaxArray[]): Promise<unknown>;
  jit<F>(f: F): F;
  grad(
    f: (...inputs: JaxArray[]) => JaxArray,
    options: { argnums: readonly number[] },
  ): JaxFunction;
  valueAndGrad(
    f: (weights: Arrays, x: JaxArray, y: JaxArray) => JaxArray,
  ): (weights: Arrays, x: JaxArray, y: JaxArray) => [JaxArray, Arrays];
  readonly tree: {
    ref(arrays: Arrays): Arrays;
    dispose(arrays: Arrays): void;
  };
  readonly numpy: {
    readonly int32: unknown;
    array(data: ArrayLike<number>, options?: { dtype: unknown }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    take(table: JaxArray, ids: JaxArray, axis: number): JaxArray;
    square(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
  };
  readonly nn: {
    softmax(x: JaxArray, axis: number): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    standardize(
      x: JaxArray,
      axis: number,
      options: { epsilon: number },
    ): JaxArray;
    relu(x: JaxArray): JaxArray;
    gelu(x: JaxArray): JaxArray;
    oneHot(x: JaxArray, classes: number): JaxArray;
    dotProductAttention(
      q: JaxArray,
      k: JaxArray,
      v: JaxArray,
      options: { isCausal: boolean },
    ): JaxArray;
  };
}

/** jax-js on "wasm", with 1 thread or all, or "webgpu". */
export async function openJax(
  backend: string,
  threads: number,
): Promise<Library> {
  // It starts a Worker for each core if it can, else it computes here.
  if (threads === 1) Reflect.deleteProperty(globalThis, "Worker");
  const name: string = "@jax-js/jax";
  const jax: Jax = await import(name);
  if (!(await jax.init(backend)).includes(backend)) {
    throw new Error(`jax-js has no ${backend} here`);
  }
  jax.defaultDevice(backend);
  return {
    description: `jax-js 0.1.25, ${backend}`,
    prepare: (work) =>
      Promise.resolve(
        work.kind === "step"
          ? trainingTask(jax, work)
          : operationTask(jax, backend, work),
      ),
  };
}

function layerNorm(
  { nn }: Jax,
  x: JaxArray,
  gain: JaxArray,
  bias: JaxArray,
): JaxArray {
  return nn.standardize(x, -1, { epsilon: EPS }).mul(gain).add(bias);
}

function operationTask(
  jax: Jax,
  backend: string,
  work: Exclude<Work, { readonly kind: "step" }>,
): Task {
  const { compute, inputs } = operation(jax, work);
  const jitted = jax.jit(compute);
  const call = (): JaxArray[] => jitted(...inputs.map(({ ref }) => ref));
  return {
    async run(times): Promise<void> {
      // What is dropped before it is computed is never computed.
      const atOnce = backend === "webgpu" ? times : 4;
      for (let i = 0; i < times; i += atOnce) {
        const outs = Array.from({ length: Math.min(atOnce, times - i) }, call)
          .flat();
        await jax.blockUntilReady(outs);
        for (const out of outs) out.dispose();
      }
    },
    async check(): Promise<number> {
      let sum = 0;
      // Adam's result is the parameters alone, in front of its averages.
      const outs = call();
      for (const out of work.kind === "adam" ? outs.slice(0, 1) : outs) {
        sum += absoluteSum(await out.data());
      }
      return sum;
    },
  };
}

interface Operation {
  readonly compute: JaxFunction;
  readonly inputs: readonly JaxArray[];
}

function operation(
  jax: Jax,
  work: Exclude<Work, { readonly kind: "step" }>,
): Operation {
  const { numpy: np, nn } = jax;
  const make = (shape: readonly number[], seed: number): JaxArray =>
    np.array(normals(shape.reduce((a, b) => a * b), seed)).reshape(shape);
  switch (work.kind) {
    case "matmul": {
      const { m, k, n, transposeA, transposeB } = work;
      return {
        compute: (a, b) => [
          np.matmul(
            transposeA ? a!.transpose() : a!,
            transposeB ? b!.transpose() : b!,
          ),
        ],
        inputs: [
          make(transposeA ? [k, m] : [m, k], SEEDS.a),
          make(transposeB ? [n, k] : [k, n], SEEDS.b),
        ],
      };
    }
    case "attention": {
      const { heads, length, headWidth, gradient } = work;
      // [1, T, H, E] is the layout of the library's own attention.
      const inputs = [SEEDS.q, SEEDS.q + 1, SEEDS.q + 2, SEEDS.up].map((seed) =>
        make([1, heads, length, headWidth], seed).transpose([0, 2, 1, 3])
      );
      const attend = (q: JaxArray, k: JaxArray, v: JaxArray): JaxArray =>
        nn.dotProductAttention(q, k, v, { isCausal: true });
      if (!gradient) {
        const compute: JaxFunction = (q, k, v) => [attend(q!, k!, v!)];
        return { compute, inputs: inputs.slice(0, 3) };
      }
      const compute: JaxFunction = (q, k, v, up) => {
        const loss = (q?: JaxArray, k?: JaxArray, v?: JaxArray): JaxArray =>
          attend(q!, k!, v!).mul(up!.ref).sum();
        return jax.grad(loss, { argnums: [0, 1, 2] })(q!, k!, v!);
      };
      return { compute, inputs };
    }
    case "softmax":
      return {
        compute: (x) => [nn.softmax(x!, -1)],
        inputs: [make([work.rows, work.cols], SEEDS.x)],
      };
    case "layerNorm":
      return {
        compute: (x, gain, bias) => [layerNorm(jax, x!, gain!, bias!)],
        inputs: [
          make([work.rows, work.cols], SEEDS.x),
          make([work.cols], SEEDS.gain),
          make([work.cols], SEEDS.bias),
        ],
      };
    case "rmsNorm": {
      const compute: JaxFunction = (x, gain) => {
        const squares = np.square(x!.ref).mean(-1, { keepdims: true });
        return [x!.div(np.sqrt(squares.add(EPS))).mul(gain!)];
      };
      const x = make([work.rows, work.cols], SEEDS.x);
      return { compute, inputs: [x, make([work.cols], SEEDS.gain)] };
    }
    case "chain":
      return {
        compute: (x, y) => [
          nn.relu(x!.ref.mul(1.5).add(y!).mul(x!).sub(0.25)),
        ],
        inputs: [make([work.length], SEEDS.a), make([work.length], SEEDS.b)],
      };
    case "gather": {
      const ids = Int32Array.from(gatherIds(work.count, work.rows));
      return {
        compute: (table, ids) => [np.take(table!, ids!, 0)],
        inputs: [
          make([work.count, work.cols], SEEDS.x),
          np.array(ids, { dtype: np.int32 }),
        ],
      };
    }
    case "adam":
      return {
        compute: (x, g, m, v) => adam(np, [x!, g!, m!, v!], corrections(np, 1)),
        inputs: [
          make([work.length], SEEDS.x),
          make([work.length], SEEDS.a),
          np.zeros([work.length]),
          np.zeros([work.length]),
        ],
      };
  }
}

/** Factors that correct the averages of Adam at a step, from 1. */
function corrections(np: Jax["numpy"], step: number): [JaxArray, JaxArray] {
  const { beta1, beta2 } = ADAM;
  const scalar = (x: number): JaxArray => np.array([x]).reshape([]);
  return [scalar(1 / (1 - beta1 ** step)), scalar(1 / (1 - beta2 ** step))];
}

/** Parameters and averages after one update. */
function adam(
  np: Jax["numpy"],
  [x, g, m, v]: readonly [JaxArray, JaxArray, JaxArray, JaxArray],
  [correct1, correct2]: readonly [JaxArray, JaxArray],
): JaxArray[] {
  const { lr, beta1, beta2, eps } = ADAM;
  const mean = m.mul(beta1).add(g.ref.mul(1 - beta1));
  const squares = v.mul(beta2).add(np.square(g).mul(1 - beta2));
  const root = np.sqrt(squares.ref.mul(correct2)).add(eps);
  const step = mean.ref.mul(correct1).mul(lr).div(root);
  return [x.sub(step), mean, squares];
}

function trainingTask(
  jax: Jax,
  work: Work & { readonly kind: "step" },
): Task {
  const { numpy: np, nn } = jax;
  const size = SIZES[work.size];
  const { dim, layers, heads, context, batch } = size;
  const rows = batch * context;
  const initial = [...initialWeights(size)];
  const arrays = (make: (weight: typeof initial[number][1]) => JaxArray) =>
    Object.fromEntries(initial.map(([name, weight]) => [name, make(weight)]));
  let weights: Arrays = arrays(({ data, shape }) =>
    np.array(data).reshape(shape)
  );
  let means: Arrays = arrays(({ shape }) => np.zeros(shape));
  let squares: Arrays = arrays(({ shape }) => np.zeros(shape));

  const loss = (weights: Arrays, inputs: JaxArray, targets: JaxArray) => {
    const weight = (name: string): JaxArray => weights[name]!.ref;
    const norm = (x: JaxArray, name: string): JaxArray =>
      layerNorm(jax, x, weight(`${name}.gain`), weight(`${name}.bias`));
    // The gradient of np.take fails inside of jit.
    let x = np.matmul(nn.oneHot(inputs, VOCABULARY), weight("tokens"))
      .reshape([batch, context, dim]).add(weight("positions"))
      .reshape([rows, dim]);
    for (let i = 0; i < layers; i++) {
      const normed = norm(x.ref, `${i}.norm1`);
      const part = (name: string): JaxArray =>
        np.matmul(normed.ref, weight(`${i}.${name}`))
          .reshape([batch, context, heads, dim / heads]);
      const mixed = nn.dotProductAttention(part("q"), part("k"), part("v"), {
        isCausal: true,
      }).reshape([rows, dim]);
      normed.dispose();
      x = x.add(np.matmul(mixed, weight(`${i}.out`)));
      const up = np.matmul(norm(x.ref, `${i}.norm2`), weight(`${i}.up`));
      x = x.add(np.matmul(nn.gelu(up), weight(`${i}.down`)));
    }
    const logits = np.matmul(norm(x, "norm"), weight("head"));
    const nats = nn.logSoftmax(logits, -1).mul(nn.oneHot(targets, VOCABULARY));
    jax.tree.dispose(weights);
    return nats.sum().mul(-1 / rows);
  };

  const update = jax.jit((
    weights: Arrays,
    means: Arrays,
    squares: Arrays,
    inputs: JaxArray,
    targets: JaxArray,
    correct1: JaxArray,
    correct2: JaxArray,
  ): [JaxArray, Arrays, Arrays, Arrays] => {
    const [value, gradients] = jax.valueAndGrad(loss)(
      jax.tree.ref(weights),
      inputs,
      targets,
    );
    const updated = Object.keys(weights).map((name) => {
      const state = [weights, gradients, means, squares]
        .map((arrays) => arrays[name]!);
      const [w, g, m, v] = state as [JaxArray, JaxArray, JaxArray, JaxArray];
      const refs = [correct1.ref, correct2.ref] as const;
      return [name, adam(np, [w, g, m, v], refs)] as const;
    });
    correct1.dispose();
    correct2.dispose();
    const part = (i: number): Arrays =>
      Object.fromEntries(updated.map(([name, arrays]) => [name, arrays[i]!]));
    return [value, part(0), part(1), part(2)];
  });

  let steps = 0;
  let last = NaN;
  return {
    async run(times): Promise<void> {
      for (let i = 0; i < times; i++) {
        const { inputs, targets } = trainingBatch(size, steps++);
        const ids = (data: Uint32Array): JaxArray =>
          np.array(Int32Array.from(data), { dtype: np.int32 });
        const [correct1, correct2] = corrections(np, steps);
        let value: JaxArray;
        [value, weights, means, squares] = update(
          weights,
          means,
          squares,
          ids(inputs),
          ids(targets),
          correct1,
          correct2,
        );
        await jax.blockUntilReady([weights["head"]!]);
        [last = NaN] = await value.data();
      }
    },
    check: () => Promise.resolve(last),
  };
}
