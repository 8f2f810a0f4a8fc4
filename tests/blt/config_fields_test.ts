import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { MAX_WEIGHTS, weightBound } from "../../blt/config_fields.ts";
import {
  countParameters,
  emptyModel,
  MemoryStore,
  type ModelConfig,
  newRunConfig,
  openRun,
  planOf,
  readRunConfig,
  RUN_FILES,
  type RunConfig,
  type TrainOptions,
  writeRunConfig,
  writeWeights,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { devices } from "../support/devices.ts";

const OPTIONS = {
  preset: "nano",
  patcher: "entropy",
  patchBytes: 4,
  seed: 1,
} as const;

/** A run of each model, with each thing that a configuration may have. */
const RUNS: readonly RunConfig[] = ([
  { model: "bytes" },
  { model: "blt" },
  { model: "blt", patcher: "relative" },
  { model: "blt", patcher: "static" },
  { model: "blt", patcher: "space" },
  { model: "blt", patcher: "byte", storage: "f16" },
  { model: "end-to-end" },
  { model: "end-to-end", objective: "previous", skip: false },
  { model: "end-to-end", objective: "routing" },
  { model: "stacked", levels: 3, uncertainty: "seam", rule: "rise" },
  { model: "stacked", uncertainty: "rate", patcher: "space" },
  { model: "stacked", levels: 1, uncertainty: "fixed", unitsPerGroup: 2.5 },
] satisfies Partial<TrainOptions>[]).map((options) => {
  const config = newRunConfig(planOf({ ...OPTIONS, ...options }), {
    data: 7,
    heldOut: 8,
  });
  const calibration = {
    threshold: 1.5,
    target: 4,
    measured: 3.9,
    histogram: [0, 1, 2],
  };
  return config.entropyModel ? { ...config, calibration } : config;
});

/** A value within JSON. */
type Path = readonly (string | number)[];

type Json = Record<string | number, unknown>;

function at(root: Json, path: Path): Json {
  return path.reduce((value, key) => value[key] as Json, root);
}

/** Paths of all values, the largest first. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const within = Object.entries(value);
  return [
    path,
    ...within.flatMap(([key, each]) => pathsOf(each, [...path, key])),
  ];
}

async function read(value: unknown): Promise<RunConfig> {
  const store = new MemoryStore();
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  await store.write(RUN_FILES.config, bytes);
  return await readRunConfig(store);
}

Deno.test("readRunConfig() reads every configuration that is written", async () => {
  for (const config of RUNS) {
    const store = new MemoryStore();
    await writeRunConfig(store, config);
    assertEquals(await readRunConfig(store), config);
  }
});

Deno.test("readRunConfig() reads runs from before weights could be f16", async () => {
  const old = structuredClone(RUNS[0]!) as unknown as Json;
  delete at(old, ["plan"])["storage"];
  assertEquals(await read(old), RUNS[0]);
});

Deno.test("readRunConfig() names the field that is wrong", async () => {
  const [, blt, , , , , , previous, , stacked] = RUNS;
  const layers = "must be a whole number from 0 to 1024, got ";
  const cases: [RunConfig, string, unknown, string][] = [
    [blt!, "model.latent.layers", 1e5, `model.latent.layers ${layers}100000`],
    [blt!, "model.latent.layers", -1, `model.latent.layers ${layers}-1`],
    [blt!, "model.latent.layers", "3", `model.latent.layers ${layers}"3"`],
    [blt!, "model.latent.layers", null, `model.latent.layers ${layers}null`],
    [blt!, "model.latent.layers", [3], `model.latent.layers ${layers}[3]`],
    [blt!, "model.latent", undefined, "model.latent must be an object, got"],
    [blt!, "model", [], "model must be an object, got []"],
    [blt!, "model.kind", "gpt", 'model.kind must be "bytes" or "blt" or '],
    [blt!, "model.kind", "__proto__", "model.kind must be "],
    [blt!, "model.patcher.kind", "custom", "model.patcher.kind must be "],
    [blt!, "model.patcher.kind", ["entropy"], "model.patcher.kind must be "],
    [blt!, "model.patcher.maxBytes", 0, "model.patcher.maxBytes must be a "],
    [blt!, "model.patcher.maxbytes", 9, "model.patcher must be an object of "],
    [blt!, "model.patcher.threshold", "1", "threshold must be a number, got "],
    [blt!, "model.slots", 1e6, "model.slots must be a whole number from 1 "],
    [blt!, "model.residual", 3, "model.residual must be 1 or 2, got 3"],
    [blt!, "model.ngrams.rows", 1e9, "model.ngrams.rows must be a whole "],
    [blt!, "model.ngrams.sizes", [3, 2], "model.ngrams: Cannot hash n-grams"],
    [blt!, "model.ngrams.sizes", [], "model.ngrams: Cannot hash n-grams"],
    [blt!, "model.ngrams.sizes.0", {}, "model.ngrams.sizes[0] must be a "],
    [blt!, "model.latent.heads", 5, "latent.dim must be a multiple of 2 la"],
    [blt!, "model.latent.dim", 2 ** 16, "at most 536870912 weights, got about"],
    [blt!, "plan.preset", "huge", 'plan.preset must be "nano" or "micro" or '],
    [blt!, "plan.storage", "f8", 'plan.storage must be "f32" or "f16", got '],
    [blt!, "plan.skip", 1, "plan.skip must be true or false, got 1"],
    [blt!, "plan.seed", 0.5, "plan.seed must be a whole number from -90"],
    [blt!, "plan.lr", 0, "plan: Cannot train: lr must be a number > 0, got 0"],
    [blt!, "plan.context", 1e9, "plan: Cannot train: batch x context must be"],
    [
      blt!,
      "plan.patcher",
      "relative",
      "plan and model must be of the same kinds, got blt with relative patches and blt with entropy patches",
    ],
    [blt!, "plan.model", "bytes", "plan and model must be of the same kinds"],
    [blt!, "entropyModel", undefined, "entropyModel must be there for entropy"],
    [blt!, "entropyModel.kind", "blt", 'entropyModel.kind must be "bytes"'],
    [blt!, "calibration.histogram", [-1], "calibration.histogram[0] must be"],
    [blt!, "data", -1, "data must be a whole number from 0 to 4294967295"],
    [
      blt!,
      "more",
      "a".repeat(1000),
      `alone, got {"more":"${"a".repeat(51)}...`,
    ],
    [previous!, "model.objective.bytes", 1e9, "model.objective.bytes must be"],
    [previous!, "model.blt.kind", "bytes", 'model.blt.kind must be "blt"'],
    [previous!, "model.tiny.dim", 2, "tiny.dim must be a multiple of 2 tiny."],
    [stacked!, "model.levels", {}, "model.levels must be a list of at most 8"],
    [
      stacked!,
      "model.levels.1.grouping.rule",
      "below",
      'model.levels[1].grouping.rule must be "above" or "rise", got "below"',
    ],
    [stacked!, "model.levels.0.grouping.most", 1, "most must be at least its"],
  ];
  for (const [config, path, value, message] of cases) {
    const changed = structuredClone(config) as unknown as Json;
    const keys = path.split(".");
    at(changed, keys.slice(0, -1))[keys.at(-1)!] = value;
    const error = await assertRejects(() => read(changed), SyntaxError);
    assertStringIncludes(error.message, "Cannot open the run: config.json: ");
    assertStringIncludes(error.message, message);
  }
});

Deno.test("readRunConfig() refuses a file that is too long to be one", async () => {
  const store = new MemoryStore();
  await store.write(RUN_FILES.config, new Uint8Array(2 ** 20 + 1).fill(0x5b));
  await assertRejects(
    () => readRunConfig(store),
    SyntaxError,
    "Cannot open the run: config.json must have at most 1048576 bytes, got 1048577",
  );
});

Deno.test("weightBound() is a little more than a model has", () => {
  const configs: ModelConfig[] = RUNS.map(({ model }) => model);
  for (const { entropyModel } of RUNS) {
    if (entropyModel) configs.push(entropyModel);
  }
  for (const config of configs) {
    const { compute, lookup } = countParameters(emptyModel(config));
    const bound = weightBound(config);
    const ratio = bound / (compute + lookup);
    assert(ratio >= 1 && ratio < 1.1, `${config.kind}: ${ratio}`);
    assert(bound < MAX_WEIGHTS);
  }
});

/** The weights of a run, and its configuration to come. */
async function storedWeights(
  { model, entropyModel }: RunConfig,
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const files: [string, ModelConfig | undefined][] = [
    [RUN_FILES.weights, model],
    [RUN_FILES.entropyWeights, entropyModel],
  ];
  for (const [name, config] of files) {
    if (!config) continue;
    using weights = placeWeights(emptyModel(config), devices[0]!);
    await writeWeights(store, name, weights);
  }
  return store;
}

Deno.test("openRun() opens a mutated configuration, or says what is wrong", async () => {
  const [cpu] = devices;
  const strange: unknown[] = [
    ...[null, true, "", "x", -1, 0, 0.5, 1, 2, 3, 64, 1e5, 2 ** 31, 1e300],
    ...[[], {}, [[]], { kind: "bytes" }, { kind: 1 }, "\u001b[2J", "__proto__"],
  ];
  const stores = await Promise.all(RUNS.map((run) => storedWeights(run)));
  let opened = 0;
  let begun = performance.now();
  for (let seed = 0; seed < 1000; seed++) {
    const rng = new Rng(seed);
    const root: Json = { root: structuredClone(RUNS[seed % RUNS.length]) };
    for (let edits = 1 + rng.integer(3); edits > 0; edits--) {
      const paths = pathsOf(root).slice(1);
      if (paths.length === 0) break; // nothing is left
      const path = paths[rng.integer(paths.length)]!;
      const parent = at(root, path.slice(0, -1));
      const key = path.at(-1)!;
      switch (rng.integer(4)) {
        case 0:
          if (Array.isArray(parent)) parent.splice(Number(key), 1);
          else delete parent[key];
          break;
        case 1:
          parent[`${key}${rng.integer(2) ? "s" : ""}`] = structuredClone(
            at(root, paths[rng.integer(paths.length)]!),
          );
          break;
        default:
          parent[key] = strange[rng.integer(strange.length)];
      }
    }
    const store = stores[seed % RUNS.length]!;
    const text = JSON.stringify(root["root"]) ?? "";
    await store.write(RUN_FILES.config, new TextEncoder().encode(text));
    try {
      using _run = await openRun(store, cpu!);
      opened++;
    } catch (error) {
      assert(
        error instanceof SyntaxError && /^Cannot open the run: /.test(
          error.message,
        ),
        `seed ${seed}: ${error}: ${text}`,
      );
    }
    const ms = performance.now() - begun;
    assert(ms < 10_000, `seed ${seed} took ${ms} ms`);
    begun = performance.now();
  }
  assert(opened > 20 && opened < 500, `${opened} of 1000 opened`);
});
