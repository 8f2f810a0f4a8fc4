import { SIZES, stepFlops } from "./data.ts";
import type { Work } from "./work.ts";

/** What is asked of one candidate in comparison with others. */
export interface Target {
  /** The candidate of ours. */
  readonly ours: string;
  /** The best of these counts; those that did not run are left out. */
  readonly against: readonly string[];
  /** How many times as fast ours must be at least. */
  readonly speed?: number;
  /** How much of their peak memory ours may take at most. */
  readonly memory?: number;
}

/** Work to be compared in a table of its own. */
export interface Case {
  /** Title of the table. */
  readonly name: string;
  /** What is done. */
  readonly work: Work;
  /** Floating-point operations of it. */
  readonly flops?: number;
  /** Bytes that must be read and written. */
  readonly bytes?: number;
  /** Demands. */
  readonly targets: readonly Target[];
}

/** All candidates in order of the tables: library, backend, threads. */
export const CANDIDATES: readonly string[] = [
  ...["club/cpu/1", "club/cpu/2", "club/webgpu"],
  ...["jax/wasm/1", "jax/wasm/2", "jax/webgpu"],
  ...["tfjs/wasm/1", "tfjs/wasm/2", "tfjs/webgpu"],
  ...["onnx/wasm/1", "onnx/wasm/2", "onnx/webgpu"],
  ...["onnx/native/2", "torch/native/1", "torch/native/2"],
];

const WASM_PEERS = ["jax/wasm/2", "tfjs/wasm/2", "onnx/wasm/2"];
const WEBGPU_PEERS = ["jax/webgpu", "tfjs/webgpu", "onnx/webgpu"];

function onCpu(speed: number, against: readonly string[]): Target {
  return { ours: "club/cpu/2", against, speed };
}

const onWebgpu: Target = {
  ours: "club/webgpu",
  against: WEBGPU_PEERS,
  speed: 2,
};

function matmulCases(m: number, k: number, n: number): Case[] {
  return [[false, false], [false, true], [true, false], [true, true]].map(
    ([transposeA = false, transposeB = false]) => ({
      name: `matmul ${m}x${k}x${n} ${transposeA ? "Aᵀ" : "A"}${
        transposeB ? "Bᵀ" : "B"
      }`,
      work: { kind: "matmul", m, k, n, transposeA, transposeB },
      flops: 2 * m * k * n,
      targets: [
        onCpu(1.3, WASM_PEERS),
        onCpu(0.4, ["onnx/native/2"]),
        onWebgpu,
      ],
    }),
  );
}

function attentionCase(length: number, gradient: boolean): Case {
  const [heads, headWidth] = [8, 64];
  return {
    name: `attention ${
      gradient ? "forward and backward" : "forward"
    } ${length}`,
    work: { kind: "attention", length, heads, headWidth, gradient },
    // Half of the square is seen; the gradient has five products beside two.
    flops: (gradient ? 7 : 2) * length ** 2 * heads * headWidth,
    targets: [onCpu(4, ["jax/wasm/2"]), onWebgpu],
  };
}

const ROW_TARGETS = [onCpu(1.2, WASM_PEERS), onWebgpu];

/** Everything that is compared. */
export const CASES: readonly Case[] = [
  {
    name: "training step small",
    work: { kind: "step", size: "small" },
    flops: stepFlops(SIZES.small),
    targets: [
      onCpu(2.5, ["jax/wasm/2"]),
      {
        ours: "club/webgpu",
        against: ["jax/webgpu", "tfjs/webgpu"],
        speed: 4,
      },
      { ours: "club/cpu/2", against: ["jax/wasm/2"], memory: 0.5 },
    ],
  },
  {
    name: "training step tiny",
    work: { kind: "step", size: "tiny" },
    flops: stepFlops(SIZES.tiny),
    targets: [onCpu(2, ["jax/wasm/1"])],
  },
  ...matmulCases(512, 512, 512),
  ...matmulCases(1024, 1024, 1024),
  ...matmulCases(4096, 512, 512),
  attentionCase(1024, false),
  attentionCase(1024, true),
  attentionCase(4096, false),
  attentionCase(4096, true),
  {
    name: "softmax 4096x256",
    work: { kind: "softmax", rows: 4096, cols: 256 },
    bytes: 2 * 4 * 4096 * 256,
    targets: ROW_TARGETS,
  },
  {
    name: "layer norm 4096x512",
    work: { kind: "layerNorm", rows: 4096, cols: 512 },
    bytes: 2 * 4 * 4096 * 512,
    targets: ROW_TARGETS,
  },
  {
    name: "rms norm 4096x512",
    work: { kind: "rmsNorm", rows: 4096, cols: 512 },
    bytes: 2 * 4 * 4096 * 512,
    targets: ROW_TARGETS,
  },
  {
    name: "chain of 5 elementwise 4M",
    work: { kind: "chain", length: 1 << 22 },
    bytes: 3 * 4 * (1 << 22),
    targets: [onCpu(1.2, WASM_PEERS)],
  },
  {
    name: "gather 4096x512",
    work: { kind: "gather", count: 8192, rows: 4096, cols: 512 },
    bytes: 2 * 4 * 4096 * 512,
    targets: [onCpu(1.2, WASM_PEERS)],
  },
  {
    name: "adam 3.3M",
    work: { kind: "adam", length: 3_346_944 },
    bytes: 7 * 4 * 3_346_944,
    targets: [onCpu(1.2, WASM_PEERS)],
  },
];
