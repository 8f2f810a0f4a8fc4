import { type Device, Scope } from "../tensor/mod.ts";
import {
  parameters,
  type PlaceOptions,
  placeWeights,
  readSafetensors,
  undrawn,
  type Weights,
  writeSafetensors,
} from "../nn/mod.ts";
import { ByteTransformer } from "./byte_transformer.ts";
import type { Calibration } from "./calibrate.ts";
import {
  type ByteTransformerConfig,
  type ModelConfig,
  patcherOf,
} from "./config.ts";
import {
  ENTROPY_MODEL_FIELD,
  MODEL_FIELD,
  PLAN_FIELD,
} from "./config_fields.ts";
import type { Trained } from "./evaluate.ts";
import {
  checked,
  type Field,
  list,
  number,
  object,
  optional,
  readJson,
  shown,
  whole,
} from "./fields.ts";
import { emptyModel, needsEntropyModel } from "./model.ts";
import { modelsOf, type TrainPlan } from "./options.ts";
import type { RunStore } from "./store.ts";
import { allFinite } from "./trainer.ts";

/** Names of the files of a run. */
export const RUN_FILES = {
  /** Plan and sizes, as JSON. */
  config: "config.json",
  /** Weights of the model. */
  weights: "weights.safetensors",
  /** Weights of the entropy model. */
  entropyWeights: "entropy.safetensors",
  /** All that resuming needs: weights, optimizer, random state. */
  state: "state.safetensors",
  /** Entropy of every byte of the text, so that it is computed once. */
  entropies: "entropies.safetensors",
  /** What training told, one JSON object a line. */
  metrics: "metrics.jsonl",
} as const;

/** Version of the format of `config.json`. */
const FORMAT = 1;

/** What `config.json` says. */
export interface RunConfig {
  /** Version of the format. */
  readonly format: number;
  /** How the run is trained. */
  readonly plan: TrainPlan;
  /** Sizes of the model; thresholds are 0 until they are calibrated. */
  readonly model: ModelConfig;
  /** Sizes of the entropy model, where there is one. */
  readonly entropyModel?: ByteTransformerConfig;
  /** How the threshold was found. */
  readonly calibration?: Calibration;
  /** `fingerprint` of the stream it is trained on. */
  readonly data: number;
  /** `fingerprint` of the stream that is held out; absent in old runs. */
  readonly heldOut?: number;
}

/** A trained model with all that belongs to it. */
export interface Run extends Trained, Disposable {
  /** Plan and sizes. */
  readonly config: RunConfig;
}

/** What a new run begins with; thresholds are not known yet. */
export function newRunConfig(
  plan: TrainPlan,
  texts: Pick<RunConfig, "data" | "heldOut">,
): RunConfig {
  const config = { format: FORMAT, plan, ...texts, ...modelsOf(plan) };
  try {
    CONFIG_FIELD.read(JSON.parse(JSON.stringify(config)), "");
  } catch (error) {
    // Else it could be trained, but never opened.
    if (!(error instanceof SyntaxError)) throw error;
    throw new RangeError(`Cannot train: ${error.message}`, { cause: error });
  }
  return config;
}

/** Stores `config.json`. */
export async function writeRunConfig(
  store: RunStore,
  config: RunConfig,
): Promise<void> {
  const text = JSON.stringify(config, undefined, 2);
  await store.write(RUN_FILES.config, new TextEncoder().encode(`${text}\n`));
}

/**
 * Reads `config.json`. Rejects with a `SyntaxError` when it is missing, not
 * JSON, of another format, or describes no run: it may be anybody's.
 */
export async function readRunConfig(store: RunStore): Promise<RunConfig> {
  const name = RUN_FILES.config;
  const bytes = await store.read(name);
  if (!bytes) {
    throw new SyntaxError(
      `Cannot open the run: expected ${name}, got none; is it the folder of a run?`,
    );
  }
  // Another format may have other fields.
  const { format } = readJson(name, bytes, { field: ANY_FORMAT });
  if (format !== FORMAT) {
    throw new SyntaxError(
      `Cannot open the run: expected ${name} of format ${FORMAT}, got ${
        shown(format)
      }`,
    );
  }
  return readJson(name, bytes, { field: CONFIG_FIELD });
}

const ANY_FORMAT: Field<Partial<Pick<RunConfig, "format">>> = {
  read: (value) => value ?? {},
};

const CONFIG_FIELD: Field<RunConfig> = checked(
  object<RunConfig>({
    format: whole(FORMAT, FORMAT),
    plan: PLAN_FIELD,
    model: MODEL_FIELD,
    entropyModel: optional(ENTROPY_MODEL_FIELD),
    calibration: optional(object<Calibration>({
      threshold: number(),
      target: number(),
      measured: number(),
      histogram: list(whole(0, Number.MAX_SAFE_INTEGER), 2 ** 20),
    })),
    data: whole(0, 2 ** 32 - 1),
    heldOut: optional(whole(0, 2 ** 32 - 1)),
  }),
  ({ plan, model, entropyModel }) => {
    const { kind: patcher = plan.patcher } = patcherOf(model) ?? {};
    if (plan.model !== model.kind || plan.patcher !== patcher) {
      throw new RangeError(
        `plan and model must be of the same kinds, got ${plan.model} with ${plan.patcher} patches and ${model.kind} with ${patcher} patches`,
      );
    }
    if (needsEntropyModel(model) && !entropyModel) {
      throw new RangeError(`entropyModel must be there for ${patcher} patches`);
    }
  },
);

/** Stores a plane of an arena, such as the weights. */
export async function writeWeights(
  store: RunStore,
  name: string,
  { arena }: Weights,
): Promise<void> {
  const values = await arena.read("values");
  const tensors = [...values].map(([path, data]) =>
    [path, { shape: arena.values.get(path)!.shape, data }] as const
  );
  await store.write(name, writeSafetensors(new Map(tensors)));
}

/**
 * Reads tensors that must have the names and shapes of a model's parameters,
 * with `prefix` in front. Throws a `SyntaxError` naming what differs: a weight
 * that is missing, of another shape, not of floats, or left over.
 */
export function matching(
  file: string,
  tensors: ReturnType<typeof readSafetensors>["tensors"],
  model: object,
  prefix = "",
): Map<string, Float32Array> {
  const wanted = parameters(model);
  const values = new Map([...wanted].map(([name, { shape }]) => {
    const tensor = tensors.get(prefix + name);
    const sizes = `[${shape.join(", ")}]`;
    if (!tensor) throw differing(file, prefix + name, sizes, "none");
    const found = `[${tensor.shape.join(", ")}]`;
    const data = FLOATS.test(tensor.dtype) && found === sizes
      ? tensor.data
      : undefined;
    if (data instanceof Float32Array) return [name, data];
    throw differing(file, prefix + name, sizes, `${tensor.dtype} ${found}`);
  }));
  for (const [name, { dtype, shape }] of tensors) {
    const own = name.startsWith(prefix) && FLOATS.test(dtype);
    if (!own || wanted.has(name.slice(prefix.length))) continue;
    throw differing(file, name, "none", `${dtype} [${shape.join(", ")}]`);
  }
  return values;
}

/** Types that weights are read from. */
const FLOATS = /^(F32|F16|BF16)$/;

function differing(
  file: string,
  name: string,
  expected: string,
  found: string,
): SyntaxError {
  return new SyntaxError(
    `Cannot open the run: expected ${name} ${expected} in ${file}, got ${found}`,
  );
}

/** Reads a safetensors file; a `SyntaxError` names the file. */
export async function readTensors(
  store: RunStore,
  name: string,
): Promise<ReturnType<typeof readSafetensors>> {
  const bytes = await store.read(name);
  if (!bytes) {
    throw new SyntaxError(
      `Cannot open the run: expected ${name}, got none; training may not have got far enough`,
    );
  }
  try {
    return readSafetensors(bytes);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new SyntaxError(
      `Cannot open the run: ${name} is damaged: ${cause.message}`,
      { cause },
    );
  }
}

/** Places a model with the weights of a file; frees them when disposed. */
async function load(
  store: RunStore,
  name: string,
  model: object,
  device: Device,
  options: Pick<PlaceOptions, "storage"> = {},
): Promise<Disposable> {
  const { tensors } = await readTensors(store, name);
  const values = matching(name, tensors, model);
  for (const [path, numbers] of values) {
    if (allFinite(numbers)) continue;
    throw new SyntaxError(
      `Cannot open the run: ${path} in ${name} has numbers that are not finite`,
    );
  }
  using owned = new DisposableStack();
  const scope = owned.use(new Scope({ open: false }));
  scope.run(() => {
    const weights = placeWeights(model, device, { ...options, panels: true });
    weights.arena.write("values", values);
  });
  return owned.move();
}

/** Reads the entropy model of a run; `weights` free its memory. */
export async function openEntropyModel(
  store: RunStore,
  config: ByteTransformerConfig,
  device: Device,
): Promise<{ model: ByteTransformer; weights: Disposable }> {
  const model = undrawn(() => new ByteTransformer(config));
  const file = RUN_FILES.entropyWeights;
  return { model, weights: await load(store, file, model, device) };
}

/**
 * Opens a trained run on a device. Rejects with a `SyntaxError` when a file is
 * missing, damaged, or of another model, and like `placeWeights`. The entropy
 * model stays as it was calibrated, in f32.
 */
export async function openRun(
  store: RunStore,
  device: Device,
  options: Pick<PlaceOptions, "storage"> = {},
): Promise<Run> {
  const config = await readRunConfig(store);
  const model = emptyModel(config.model);
  const file = RUN_FILES.weights;
  using owned = new DisposableStack();
  owned.use(await load(store, file, model, device, options));
  let entropyModel: ByteTransformer | undefined;
  if (needsEntropyModel(config.model) && config.entropyModel) {
    const opened = await openEntropyModel(store, config.entropyModel, device);
    owned.use(opened.weights);
    entropyModel = opened.model;
  }
  const kept = owned.move();
  return {
    config,
    model,
    device,
    entropyModel,
    [Symbol.dispose](): void {
      kept.dispose();
    },
  };
}
