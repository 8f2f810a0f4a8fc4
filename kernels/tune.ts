import {
  attentionGradKvKernel,
  attentionGradQKernel,
} from "./attention_grad.ts";
import { attentionKernel } from "./attention.ts";
import type { Device, Storage } from "./device.ts";
import type { Kernel } from "./kernel.ts";
import { DeviceError } from "./errors.ts";
import { fillKernel } from "./copy.ts";
import { matmulKernel } from "./matmul.ts";
import { matmulPartsKernel } from "./matmul_parts.ts";
import { partDepth } from "./matmul_tile_wgsl.ts";
import { type Tuning, tuningKey } from "./tuning.ts";

/** Linear map whose three matrix products are measured. */
export interface LinearShape {
  /** Rows of the input. */
  readonly rows: number;
  /** Columns of the input. */
  readonly inDim: number;
  /** Columns of the result. */
  readonly outDim: number;
}

/** Causal self-attention whose three kernels are measured. */
export interface AttentionShape {
  /** Positions. */
  readonly rows: number;
  /** Heads. */
  readonly heads: number;
  /** Width of a head. */
  readonly headWidth: number;
  /** Positions that each one sees, itself included. */
  readonly window: number;
}

/** What `tune` measures. */
export interface TuneShapes {
  /** Linear maps. */
  readonly linear?: readonly LinearShape[];
  /** Attentions. */
  readonly attention?: readonly AttentionShape[];
}

/** One launch, with the number of elements of each buffer or its contents. */
interface Trial {
  readonly kernel: Kernel;
  readonly sizes: Readonly<Record<string, number>>;
  readonly buffers: Readonly<Record<string, number | Uint32Array>>;
}

/** Measurements of each form, of which the fastest counts. */
const ROUNDS = 3;

/**
 * Measures every form of matrix products and attention that `device` can run,
 * forward and backward, at the given shapes, and names the fastest. Takes
 * seconds. Rejects with a `DeviceError` where kernels cannot be timed.
 */
export async function tune(
  device: Device,
  { linear = [], attention = [] }: TuneShapes,
): Promise<Tuning> {
  if (device.kind === "cpu") {
    throw new DeviceError(
      "Cannot tune kernels: expected a WebGPU device, got the processor",
    );
  }
  const trials = [
    ...linear.flatMap((shape) => linearTrials(device, shape)),
    ...attention.flatMap(attentionTrials),
  ];
  const table: Record<string, string> = {};
  for (const trial of trials) {
    const name = await fastest(device, trial);
    if (name) table[tuningKey(trial.kernel, trial.sizes)] = name;
  }
  return table;
}

/** Name of the fastest form, if there is a choice. */
async function fastest(
  device: Device,
  { kernel, sizes, buffers }: Trial,
): Promise<string | undefined> {
  const forms = kernel.forms.filter(({ fits }) =>
    fits?.(device.class, sizes) ?? true
  );
  if (forms.length < 2) return undefined;
  const storages: Record<string, Storage> = {};
  for (const [name, content] of Object.entries(buffers)) {
    const given = typeof content === "object";
    const length = given ? content.length : content;
    const storage = storages[name] = device.allocate(4 * length);
    if (given) device.write(storage, content);
    else device.launch(fillKernel, { out: storage }, { length, value: 0.5 });
  }
  let best: { name: string | undefined; ms: number } | undefined;
  try {
    for (const form of forms) {
      const run = (): void =>
        device.launch({ ...kernel, forms: [form] }, storages, sizes);
      run();
      for (let round = 0; round < ROUNDS; round++) {
        const [time] = await device.profile(run);
        if (!best || time!.ms < best.ms) {
          best = { name: form.name, ms: time!.ms };
        }
      }
    }
  } finally {
    for (const storage of Object.values(storages)) device.free(storage);
  }
  return best?.name;
}

/** The product of a linear map and those of its gradients, as they are launched. */
function linearTrials(
  device: Device,
  { rows, inDim, outDim }: LinearShape,
): Trial[] {
  return ([
    [{ transposeB: true }, [rows, outDim, inDim]],
    [{}, [rows, inDim, outDim]],
    [{ transposeA: true }, [outDim, inDim, rows]],
  ] as const).map(([structure, [m, n, k]]) => {
    const depth = partDepth(device.class, { m, n, k });
    const parts = Math.ceil(k / depth);
    return {
      kernel: parts > 1
        ? matmulPartsKernel(structure)
        : matmulKernel(structure) as Kernel,
      sizes: { batch: 1, m, n, k, depth },
      buffers: { a: m * k, b: k * n, c: parts * m * n },
    };
  });
}

/** Attention and its gradients. */
function attentionTrials(
  { rows, heads, headWidth, window }: AttentionShape,
): Trial[] {
  const width = heads * headWidth;
  const ofQueries = new Uint32Array(2 * rows);
  const ofKeys = new Uint32Array(2 * rows);
  let pairs = 0;
  for (let i = 0; i < rows; i++) {
    ofQueries.set([Math.max(0, i + 1 - window), i + 1], 2 * i);
    ofKeys.set([i, Math.min(i + window, rows)], 2 * i);
    pairs += Math.min(i + 1, window);
  }
  const sizes = {
    queries: rows,
    keys: rows,
    heads,
    qStride: 3 * width,
    kvStride: 3 * width,
    kOffset: width,
    pairs,
    longest: Math.min(window, rows),
  };
  const lengths = {
    ...{ q: 3 * rows * width, kv: 3 * rows * width },
    ...{ dq: 3 * rows * width, dkv: 3 * rows * width },
    ...{ g: rows * width, out: rows * width },
    ...{ lse: heads * rows, delta: heads * rows },
  };
  return [
    { kernel: attentionKernel(headWidth), ends: ofQueries },
    { kernel: attentionGradQKernel(headWidth), ends: ofQueries },
    { kernel: attentionGradKvKernel(headWidth), ends: ofKeys },
  ].map(({ kernel, ends }) => ({
    kernel: kernel as Kernel,
    sizes,
    buffers: { ...lengths, ends },
  }));
}
