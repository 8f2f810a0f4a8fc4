import { assertEquals, assertExists, assertRejects } from "@std/assert";
import {
  buildModel,
  type ByteTransformer,
  MemoryStore,
  type ModelConfig,
  openRun,
  type PatcherConfig,
  planOf,
  RUN_FILES,
  type RunConfig,
  type TrainOptions,
  writeRunConfig,
  writeWeights,
} from "../../blt/mod.ts";
import {
  parameters,
  placeWeights,
  readSafetensors,
  type WritableTensor,
  writeSafetensors,
} from "../../nn/mod.ts";
import { Rng, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { BYTES_RUN, trainTiny } from "./tiny_run.ts";

const cpu = devices[0]!;

const BYTES: RunConfig = {
  data: 7,
  format: 1,
  plan: planOf({
    model: "bytes",
    preset: "nano",
    patcher: "space",
    patchBytes: 4,
    seed: 0,
  }),
  model: bytesConfig,
};

/** The same of a BLT. */
function blt(kind: "byte" | "entropy", patcher: PatcherConfig): RunConfig {
  const plan = { ...BYTES.plan, model: "blt", patcher: kind } as const;
  return { ...BYTES, plan, model: bltConfig(patcher) };
}

/** Stores weights from one seed. */
async function store(
  files: MemoryStore,
  name: string,
  config: ModelConfig,
): Promise<void> {
  const model = buildModel(config, new Rng(9));
  using weights = placeWeights(model, cpu);
  await writeWeights(files, name, weights);
}

/** Files of a run. */
async function stored(config: RunConfig): Promise<MemoryStore> {
  const files = new MemoryStore();
  await writeRunConfig(files, config);
  await store(files, RUN_FILES.weights, config.model);
  return files;
}

async function assertRefused(
  files: MemoryStore,
  message: string,
): Promise<void> {
  using _scope = new Scope();
  await assertRejects(() => openRun(files, cpu), SyntaxError, message);
}

deviceTest("openRun() reads what was written", async (device) => {
  using run = await openRun(await stored(BYTES), device);
  assertEquals(run.config, BYTES);
  assertEquals(run.entropyModel, undefined);
  const expected = parameters(buildModel(bytesConfig, new Rng(9)));
  for (const [name, { value }] of parameters(run.model)) {
    assertEquals(await value.data(), expected.get(name)!.initial, name);
  }
});

deviceTest(
  "openRun() stores weights in f16 where asked to",
  async (device) => {
    using run = await openRun(await stored(BYTES), device, { storage: "f16" });
    const { weight } = (run.model as ByteTransformer).head;
    const [bytes] = await device.read([weight.value.half!]);
    assertEquals(
      Float32Array.from(new Float16Array(bytes!)),
      (await weight.value.data()).map(Math.f16round),
    );
  },
  { halves: true },
);

Deno.test("openRun() needs a configuration that is whole", async () => {
  const text = JSON.stringify(BYTES);
  const cases: [string, string][] = [
    ["", "config.json is not whole JSON"],
    [text.slice(0, -9), "config.json is not whole JSON"],
    ["null", "expected config.json of format 1, got undefined"],
    ["5", "expected config.json of format 1, got undefined"],
    ["{}", "expected config.json of format 1, got undefined"],
    [text.replace('"format":1', '"format":2'), "of format 1, got 2"],
  ];
  const files = await stored(BYTES);
  for (const [content, message] of cases) {
    await files.write(RUN_FILES.config, new TextEncoder().encode(content));
    await assertRefused(files, message);
  }
  files.files.delete(RUN_FILES.config);
  await assertRefused(files, "expected config.json, got none");
});

Deno.test("openRun() names weights that are missing or cut", async () => {
  const files = await stored(BYTES);
  const whole = files.files.get(RUN_FILES.weights)!;
  for (const length of [0, 7, 8, 100, whole.length - 1]) {
    await files.write(RUN_FILES.weights, whole.subarray(0, length));
    await assertRefused(files, "weights.safetensors is damaged: ");
  }
  files.files.delete(RUN_FILES.weights);
  await assertRefused(files, "expected weights.safetensors, got none");
});

Deno.test("openRun() notices offsets that lie", async () => {
  const files = await stored(BYTES);
  const bytes = files.files.get(RUN_FILES.weights)!;
  const first = '"data_offsets":[0';
  const at = new TextDecoder("latin1").decode(bytes).indexOf(first);
  bytes[at + first.length - 1] = "4".charCodeAt(0);
  await assertRefused(files, "weights.safetensors is damaged: ");
});

Deno.test("openRun() refuses the weights of another model", async () => {
  const files = await stored(BYTES);
  await writeRunConfig(files, blt("byte", { kind: "byte" }));
  await assertRefused(
    files,
    "expected embedding.ngrams.table [62, 8] in weights.safetensors, got F32 [31, 8]",
  );
  const { transformer } = bytesConfig;
  const deeper = { ...transformer, layers: transformer.layers + 1 };
  const model = { ...bytesConfig, transformer: deeper };
  await writeRunConfig(files, { ...BYTES, model });
  await assertRefused(
    files,
    "expected transformer.blocks.2.attentionNorm.gain [8] in weights.safetensors, got none",
  );
  const flatter = { ...transformer, layers: transformer.layers - 1 };
  const less = { ...bytesConfig, transformer: flatter };
  await writeRunConfig(files, { ...BYTES, model: less });
  await assertRefused(
    files,
    "expected transformer.blocks.1.attentionNorm.gain none in weights.safetensors, got F32 [8]",
  );
});

Deno.test("openRun() opens the entropy model that finds the patches", async () => {
  const config = {
    ...blt("entropy", { kind: "entropy", threshold: 1 }),
    entropyModel: bytesConfig,
  };
  const files = await stored(config);
  await assertRefused(files, "expected entropy.safetensors, got none");
  await store(files, RUN_FILES.entropyWeights, bytesConfig);
  using run = await openRun(files, cpu);
  assertExists(run.entropyModel);
});

/** A copy in which the tensor called `from` has other bytes. */
function retyped(
  bytes: Uint8Array,
  from: string,
  to: { readonly dtype: string; readonly shape: readonly number[] },
): Uint8Array {
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + length)),
  );
  Object.assign(header[from], to);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const size = new Uint8Array(8);
  new DataView(size.buffer).setUint32(0, text.length, true);
  return Uint8Array.from([...size, ...text, ...bytes.subarray(8 + length)]);
}

Deno.test("openRun() takes no weights of other types for floats", async () => {
  const name = "transformer.blocks.0.attentionNorm.gain";
  for (
    const [dtype, shape] of [
      ["I32", [8]],
      ["F64", [4]],
      ["F8_E4M3", [32]],
      ["F4", [64]],
      ["X9", [8]],
    ] as const
  ) {
    const files = await stored(BYTES);
    const bytes = files.files.get(RUN_FILES.weights)!;
    const other = retyped(bytes, name, { dtype, shape });
    await files.write(RUN_FILES.weights, other);
    await assertRefused(
      files,
      `Cannot open the run: expected ${name} [8] in weights.safetensors, got ${dtype} [${shape}]`,
    );
  }
});

Deno.test("openRun() minds no mask beside the weights", async () => {
  const files = await stored(BYTES);
  const bytes = files.files.get(RUN_FILES.weights)!;
  const { tensors } = readSafetensors(bytes);
  const weights = new Map<string, WritableTensor>(
    [...tensors].map(([name, { shape, data }]) =>
      [name, { shape, data: data as Float32Array }] as const
    ),
  );
  weights.set("mask", { shape: [2], data: new Uint32Array(2) });
  const file = writeSafetensors(weights);
  const other = retyped(file, "mask", { dtype: "BOOL", shape: [8] });
  await files.write(RUN_FILES.weights, other);
  using run = await openRun(files, cpu);
  assertEquals(run.config, BYTES);
});

Deno.test("train() refuses what its own run could not be opened with", async () => {
  const impossible: Partial<TrainOptions>[] = [
    { saveEvery: 2 ** 40 },
    { evalEvery: 2 ** 40 },
    { patchBytes: 1e300 },
    { unitsPerGroup: 1e300 },
    { storage: "foo" as "f32" },
    { rule: "foo" as "rise" },
    { skip: "no" as unknown as boolean },
  ];
  for (const options of impossible) {
    const store = new MemoryStore();
    await assertRejects(
      () => trainTiny(cpu, { ...BYTES_RUN, ...options }, { store }),
      RangeError,
      "Cannot train: ",
    );
    assertEquals([...store.files.keys()], []);
  }
});

Deno.test("openRun() refuses weights that are not finite", async () => {
  const files = await stored(BYTES);
  const bytes = files.files.get(RUN_FILES.weights)!;
  bytes.fill(0xff, bytes.length - 8); // two NaN at the end
  await assertRefused(files, "has numbers that are not finite");
});
