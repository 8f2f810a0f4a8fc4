import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Batches,
  buildModel,
  encode,
  MemoryStore,
  type ModelConfig,
  readCheckpoint,
  RUN_FILES,
  Trainer,
  writeCheckpoint,
} from "../../blt/mod.ts";
import { readSafetensors, writeSafetensors } from "../../nn/mod.ts";
import { type Device, Rng, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { BYTES_RUN, trainTiny } from "./tiny_run.ts";

const STREAM = encode("Call me Ishmael. Some years ago, naïve 鯨! ".repeat(5));
const SHAPE = { rows: 2, context: 24 };
const BLT = bltConfig({ kind: "space" });

function trainerOf(
  device: Device,
  config: ModelConfig,
  { weights, batches }: { weights: Rng; batches: Rng },
): Trainer {
  return new Trainer(buildModel(config, weights), device, {
    batches: new Batches(STREAM, SHAPE, batches),
    shape: SHAPE,
    schedule: { kind: "constant", peak: 0.01, warmupSteps: 0 },
  });
}

/** A checkpoint after three steps, and the losses of two more. */
async function saved(
  device: Device,
): Promise<{ store: MemoryStore; losses: number[] }> {
  const store = new MemoryStore();
  using trainer = trainerOf(device, BLT, {
    weights: new Rng(1),
    batches: new Rng(2),
  });
  for (let step = 0; step < 3; step++) trainer.step();
  await writeCheckpoint(store, "model", trainer);
  return { store, losses: await lossesOf(trainer) };
}

/** Losses of the next two steps. */
async function lossesOf(trainer: Trainer): Promise<number[]> {
  trainer.step();
  trainer.step();
  return (await trainer.metrics()).slice(-2).map(({ loss }) => loss);
}

deviceTest("readCheckpoint() continues with the same bits", async (device) => {
  const { store, losses } = await saved(device);
  const { progress, restore } = await readCheckpoint(store);
  assertEquals([progress.phase, progress.step], ["model", 3]);
  using trainer = trainerOf(device, BLT, {
    weights: new Rng(7),
    batches: Rng.restore(progress.batches),
  });
  restore(trainer);
  assertEquals(trainer.optimizer.steps, 3);
  assertEquals(await lossesOf(trainer), losses);
});

Deno.test("readCheckpoint() names a file that is missing or cut", async () => {
  await assertRejects(
    () => readCheckpoint(new MemoryStore()),
    SyntaxError,
    "Cannot open the run: expected state.safetensors, got none",
  );
  const { store } = await saved(devices[0]!);
  const bytes = store.files.get(RUN_FILES.state)!;
  await store.write(RUN_FILES.state, bytes.subarray(0, -1));
  await assertRejects(
    () => readCheckpoint(store),
    SyntaxError,
    "state.safetensors is damaged: ",
  );
});

Deno.test("readCheckpoint() needs to know how far the run got", async () => {
  const { store } = await saved(devices[0]!);
  const { metadata } = readSafetensors(store.files.get(RUN_FILES.state)!);
  const progress = metadata.get("progress")!;
  const lines: [string | undefined, string][] = [
    [undefined, "got nothing"],
    ["{", "got {"],
    ["null", "got null"],
    [progress.replace('"step":3', '"step":0.5'), '"step":0.5'],
    [progress.replace('"step":3', '"step":-3'), '"step":-3'],
    [progress.replace('"step":3', '"step":1e300'), '"step":1e300'],
    [progress.replace('"batches":', '"rows":'), '"rows":'],
    [progress.replace('"model"', '"another"'), '"another"'],
    [progress.replace('"key":[', '"key":[1,'), '"key":[1,'],
    [progress.replace(/"key":\[.*?\]/, '"key":[1]'), '"key":[1]'],
    [progress.replace(/"counter":\d+/, '"counter":-1'), '"counter":-1'],
    [`{"a":"${"x".repeat(1000)}`, `got {"a":"${"x".repeat(194)}`],
  ];
  for (const [text, message] of lines) {
    const metadata = new Map(text === undefined ? [] : [["progress", text]]);
    const file = writeSafetensors(new Map(), metadata);
    await store.write(RUN_FILES.state, file);
    const error = await assertRejects(
      () => readCheckpoint(store),
      SyntaxError,
      message,
    );
    assert(error.message.length < 300);
  }
});

Deno.test("readCheckpoint() restores no other model", async () => {
  const [cpu] = devices;
  const { store } = await saved(cpu!);
  const { restore } = await readCheckpoint(store);
  using trainer = trainerOf(cpu!, bytesConfig, {
    weights: new Rng(1),
    batches: new Rng(2),
  });
  assertThrows(
    () => restore(trainer),
    SyntaxError,
    "expected values/embedding.ngrams.table [31, 8] in state.safetensors, got F32 [62, 8]",
  );
});

deviceTest(
  "Trainer leaves nothing behind where it is not restored",
  async (device) => {
    const { store } = await saved(device);
    const { restore } = await readCheckpoint(store);
    const { liveBlocks } = device.memory;
    assertThrows(
      () => {
        using _scope = new Scope(); // hides the error where it cannot close
        new Trainer(buildModel(bytesConfig, new Rng(1)), device, {
          batches: new Batches(STREAM, SHAPE, new Rng(2)),
          shape: SHAPE,
          schedule: { kind: "constant", peak: 0.01, warmupSteps: 0 },
          restore,
        });
      },
      SyntaxError,
      "expected values/embedding.ngrams.table [31, 8] in state.safetensors, got F32 [62, 8]",
    );
    assertEquals(device.memory.liveBlocks, liveBlocks);
  },
);

Deno.test("train() names what differs in the state of another model", async () => {
  const device = devices[0]!;
  const [bytes, space] = [new MemoryStore(), new MemoryStore()];
  const run = { ...BYTES_RUN, steps: 1 };
  await trainTiny(device, run, { store: bytes });
  const options = { ...run, model: "blt", patcher: "space" } as const;
  await trainTiny(device, options, { store: space });
  const { state } = RUN_FILES;
  const [own, other] = [bytes, space].map(({ files }) => files.get(state)!);
  await bytes.write(state, other!);
  await assertRejects(
    () => trainTiny(device, run, { store: bytes, resume: true }),
    SyntaxError,
    "Cannot open the run: expected values/embedding.tokens.table [260, 128] in state.safetensors, got F32 [260, 64]",
  );
  await space.write(state, own!);
  await assertRejects(
    () => trainTiny(device, options, { store: space, resume: true }),
    SyntaxError,
    "in state.safetensors, got ",
  );
});
