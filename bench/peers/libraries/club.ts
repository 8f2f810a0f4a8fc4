import {
  adamwNumbers,
  adamwUpdate,
  Arena,
  backward,
  causal,
  type Device,
  embedding,
  fuse,
  GatherIndex,
  Intervals,
  layerNorm,
  matmul,
  openDevice,
  rmsNorm,
  Scope,
  selfAttention,
  softmax,
  Tensor,
} from "../../../tensor/mod.ts";
import { ByteGptTraining } from "../byte_gpt.ts";
import { ADAM, normals, SIZES, trainingBatch } from "../data.ts";
import {
  absoluteSum,
  EPS,
  gatherIds,
  type Library,
  SEEDS,
  type Task,
  type Work,
} from "../work.ts";

/** This library, on "cpu" or "webgpu". */
export async function openClub(
  backend: string,
  threads: number,
): Promise<Library> {
  const device = backend === "webgpu"
    ? await openDevice("webgpu")
    : await openDevice("cpu", { threads });
  return {
    description: `club, ${device.kind}: ${device.description}`,
    prepare: (work) =>
      Promise.resolve(
        work.kind === "step"
          ? trainingTask(device, work)
          : operationTask(device, operation(device, work)),
      ),
  };
}

function trainingTask(
  device: Device,
  { size }: Work & { readonly kind: "step" },
): Task {
  const training = new ByteGptTraining(device, SIZES[size]);
  let steps = 0;
  let last = NaN;
  return {
    async run(times): Promise<void> {
      for (let i = 0; i < times; i++) {
        using loss = training.step(trainingBatch(SIZES[size], steps++));
        [last = NaN] = await loss.data();
      }
    },
    check: () => Promise.resolve(last),
  };
}

function operationTask(device: Device, run: () => Tensor): Task {
  return {
    async run(times): Promise<void> {
      for (let i = 0; i < times; i++) {
        using _scope = new Scope();
        run();
      }
      await device.idle();
    },
    async check(): Promise<number> {
      using _scope = new Scope();
      return absoluteSum(await run().data());
    },
  };
}

const chain = fuse(
  "chain",
  (x, y) => x.mul(1.5).add(y).mul(x).sub(0.25).max(0),
);

/** What fills the result once; its inputs are never freed. */
function operation(
  device: Device,
  work: Exclude<Work, { readonly kind: "step" }>,
): () => Tensor {
  const make = (shape: readonly number[], seed: number): Tensor =>
    Tensor.from(device, shape, normals(shape.reduce((a, b) => a * b), seed));
  switch (work.kind) {
    case "matmul": {
      const { m, k, n, transposeA, transposeB } = work;
      const a = make(transposeA ? [k, m] : [m, k], SEEDS.a);
      const b = make(transposeB ? [n, k] : [k, n], SEEDS.b);
      return () => matmul(a, b, { transposeA, transposeB });
    }
    case "attention":
      return attention(device, work);
    case "softmax": {
      const x = make([work.rows, work.cols], SEEDS.x);
      return () => softmax(x);
    }
    case "layerNorm":
    case "rmsNorm": {
      const x = make([work.rows, work.cols], SEEDS.x);
      const gain = make([work.cols], SEEDS.gain);
      const bias = make([work.cols], SEEDS.bias);
      return work.kind === "rmsNorm"
        ? () => rmsNorm(x, gain, { eps: EPS })
        : () => layerNorm(x, gain, bias, { eps: EPS });
    }
    case "chain": {
      const [x, y] = [
        make([work.length], SEEDS.a),
        make([work.length], SEEDS.b),
      ];
      return () => chain(x, y);
    }
    case "gather": {
      const table = make([work.count, work.cols], SEEDS.x);
      const index = GatherIndex.from(device, gatherIds(work.count, work.rows), {
        rows: work.count,
        gradient: false,
      });
      return () => embedding(table, index);
    }
    case "adam":
      return adam(device, work.length);
  }
}

/** [H, T, E] three times -> one row of queries, keys and values a position. */
function attention(
  device: Device,
  { length, heads, headWidth, gradient }: Work & { readonly kind: "attention" },
): () => Tensor {
  const dim = heads * headWidth;
  const packed = (seeds: readonly number[]): Tensor => {
    const rows = new Float32Array(seeds.length * length * dim);
    for (const [part, seed] of seeds.entries()) {
      const data = normals(length * dim, seed);
      for (let head = 0; head < heads; head++) {
        for (let t = 0; t < length; t++) {
          const from = (head * length + t) * headWidth;
          const row = t * seeds.length + part;
          const to = row * dim + head * headWidth;
          rows.set(data.subarray(from, from + headWidth), to);
        }
      }
    }
    return Tensor.from(device, [length, seeds.length * dim], rows);
  };
  const qkv = packed([SEEDS.q, SEEDS.q + 1, SEEDS.q + 2]);
  const seed = packed([SEEDS.up]);
  const intervals = Intervals.from(device, causal([length]), length);
  const forward = (): Tensor => selfAttention(qkv, intervals, { heads });
  return gradient ? () => backward(forward(), [qkv], { seed })[0]! : forward;
}

/** Updates x for ever; each result is a view of it. */
function adam(device: Device, length: number): () => Tensor {
  const entry = {
    shape: [length],
    initial: normals(length, SEEDS.x),
    decay: false,
  };
  const arena = new Arena(device, new Map([["x", entry]]));
  arena.write("gradients", new Map([["x", normals(length, SEEDS.a)]]));
  const settings = Tensor.from(device, [7], new Float32Array(7));
  const scale = Tensor.from(device, [], [1]);
  const { lr, beta1, beta2, eps } = ADAM;
  let step = 0;
  return () => {
    step += 1;
    const betas = [beta1, beta2] as const;
    settings.write(adamwNumbers({ lr, betas, eps, weightDecay: 0, step }));
    adamwUpdate(arena, settings, scale);
    return arena.values.get("x")!.view();
  };
}
