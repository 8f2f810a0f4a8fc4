import { normals } from "../data.ts";
import {
  absoluteSum,
  EPS,
  gatherIds,
  type Library,
  SEEDS,
  type Task,
  type Work,
} from "../work.ts";
import {
  type Attribute,
  type OnnxGraph,
  onnxModel,
  type OnnxNode,
  type OnnxValue,
} from "./onnx_model.ts";

interface OrtTensor {
  readonly data: Float32Array;
  getData(release?: boolean): Promise<Float32Array>;
  dispose(): void;
}

interface OrtSession {
  run(
    inputs: Readonly<Record<string, OrtTensor>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
}

/** Those parts of ONNX Runtime 1.30.0 that are used. */
interface Ort {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: Readonly<Record<string, unknown>>,
    ): Promise<OrtSession>;
  };
  readonly Tensor: new (
    type: "float32" | "int32",
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => OrtTensor;
}

const FILES: Readonly<Record<string, string>> = {
  native: "onnxruntime-node",
  wasm: "onnxruntime-web",
  webgpu: new URL(
    "../node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
    import.meta.url,
  ).href,
};

/** ONNX Runtime, which has no gradients, on "wasm", "webgpu" or "native". */
export async function openOnnx(
  backend: string,
  threads: number,
): Promise<Library> {
  const ort: Ort = await import(FILES[backend]!);
  if (backend === "wasm") ort.env.wasm.numThreads = threads;
  const onGpu = backend === "webgpu";
  return {
    description: `onnxruntime 1.30.0, ${backend}`,
    async prepare(work): Promise<Task | undefined> {
      const graph = graphOf(work);
      if (!graph) return undefined;
      const session = await ort.InferenceSession.create(onnxModel(graph), {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionProviders: [backend === "native" ? "cpu" : backend],
        ...(onGpu ? { preferredOutputLocation: "gpu-buffer" } : {}),
      });
      return task(ort, session, graph, onGpu);
    },
  };
}

function task(
  ort: Ort,
  session: OrtSession,
  { nodes, inputs }: OnnxGraph,
  onGpu: boolean,
): Task {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      data instanceof Float32Array
        ? new ort.Tensor("float32", data, shape)
        : new ort.Tensor("int32", data, shape),
    ]),
  );
  const result = nodes.at(-1)!.output;
  const once = async (): Promise<OrtTensor> =>
    (await session.run(tensors))[result]!;
  return {
    async run(times): Promise<void> {
      for (let i = 1; i <= times; i++) {
        const out = await once();
        if (onGpu && i === times) await out.getData();
        out.dispose();
      }
    },
    async check(): Promise<number> {
      const out = await once();
      return absoluteSum(onGpu ? await out.getData() : out.data);
    },
  };
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode {
  return { op, inputs, output, attributes };
}

function random(shape: readonly number[], seed: number): OnnxValue {
  return { shape, data: normals(shape.reduce((a, b) => a * b), seed) };
}

function scalar(value: number): OnnxValue {
  return { shape: [], data: Float32Array.of(value) };
}

/** Absent where gradients or updates are asked for. */
function graphOf(work: Work): OnnxGraph | undefined {
  switch (work.kind) {
    case "matmul": {
      const { m, k, n, transposeA, transposeB } = work;
      const [transA, transB] = [Number(transposeA), Number(transposeB)];
      return {
        nodes: [node("Gemm", ["a", "b"], "c", { transA, transB })],
        inputs: {
          a: random(transposeA ? [k, m] : [m, k], SEEDS.a),
          b: random(transposeB ? [n, k] : [k, n], SEEDS.b),
        },
        shape: [m, n],
      };
    }
    case "attention":
      return work.gradient ? undefined : attentionGraph(work);
    case "softmax": {
      const shape = [work.rows, work.cols];
      return {
        nodes: [node("Softmax", ["x"], "y", { axis: -1 })],
        inputs: { x: random(shape, SEEDS.x) },
        shape,
      };
    }
    case "layerNorm":
    case "rmsNorm": {
      const shape = [work.rows, work.cols];
      const isLayerNorm = work.kind === "layerNorm";
      const op = isLayerNorm
        ? "LayerNormalization"
        : "SimplifiedLayerNormalization";
      const names = isLayerNorm ? ["x", "gain", "bias"] : ["x", "gain"];
      const attributes = { axis: -1, epsilon: { fraction: EPS } };
      return {
        nodes: [node(op, names, "y", attributes)],
        inputs: {
          x: random(shape, SEEDS.x),
          gain: random([work.cols], SEEDS.gain),
          ...(isLayerNorm ? { bias: random([work.cols], SEEDS.bias) } : {}),
        },
        shape,
      };
    }
    case "chain": {
      const shape = [work.length];
      return {
        nodes: [
          node("Mul", ["x", "factor"], "scaled"),
          node("Add", ["scaled", "y"], "sum"),
          node("Mul", ["sum", "x"], "product"),
          node("Sub", ["product", "shift"], "shifted"),
          node("Relu", ["shifted"], "out"),
        ],
        inputs: { x: random(shape, SEEDS.a), y: random(shape, SEEDS.b) },
        constants: { factor: scalar(1.5), shift: scalar(0.25) },
        shape,
      };
    }
    case "gather": {
      const { count, rows, cols } = work;
      const data = Int32Array.from(gatherIds(count, rows));
      return {
        nodes: [node("Gather", ["table", "ids"], "out", { axis: 0 })],
        inputs: {
          table: random([count, cols], SEEDS.x),
          ids: { shape: [rows], data },
        },
        shape: [rows, cols],
      };
    }
    case "adam":
    case "step":
      return undefined;
  }
}

function attentionGraph(
  { heads, length, headWidth }: Work & { readonly kind: "attention" },
): OnnxGraph {
  const shape = [1, heads, length, headWidth];
  const mask = Float32Array.from(
    { length: length ** 2 },
    (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  return {
    nodes: [
      node("Transpose", ["k"], "kT", { perm: [0, 1, 3, 2] }),
      node("MatMul", ["q", "kT"], "products"),
      node("Mul", ["products", "scale"], "scores"),
      node("Add", ["scores", "mask"], "masked"),
      node("Softmax", ["masked"], "shares", { axis: -1 }),
      node("MatMul", ["shares", "v"], "out"),
    ],
    inputs: {
      q: random(shape, SEEDS.q),
      k: random(shape, SEEDS.q + 1),
      v: random(shape, SEEDS.q + 2),
    },
    constants: {
      scale: scalar(1 / Math.sqrt(headWidth)),
      mask: { shape: [length, length], data: mask },
    },
    shape,
  };
}
