import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import {
  Batches,
  buildModel,
  encode,
  type ModelConfig,
  patchStarts,
  type Rows,
  type StepMetrics,
  Trainer,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  crossEntropy,
  type Device,
  DeviceError,
  noGrad,
  Rng,
  Scope,
  Tensor,
} from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { tinyEndToEnd } from "./tiny_models.ts";

const STREAM = encode("Call me Ishmael. Some years ago, naïve 鯨! ".repeat(5));
const SHAPE = { rows: 3, context: 24 };

/** An entropy for each id of the stream, of which a third are above 2. */
const ENTROPIES = Float32Array.from(STREAM, (id) => id % 3);

/** A trainer whose model and batches are always the same. */
function trainerOf(device: Device, config: ModelConfig): Trainer {
  return new Trainer(buildModel(config, new Rng(1)), device, {
    batches: batches(),
    shape: SHAPE,
    entropies: ENTROPIES,
    schedule: { kind: "constant", peak: 0.01, warmupSteps: 4 },
  });
}

function batches(): Batches {
  return new Batches(STREAM, SHAPE, new Rng(2));
}

/** Starts of a row, whose entropies stand one place before its targets. */
function startsOf({ ids, offsets }: Rows, row: number): Uint8Array {
  const { context } = SHAPE;
  const first = offsets[row]! - 1;
  return patchStarts({
    ids: ids.subarray(row * context, (row + 1) * context),
    entropies: ENTROPIES.subarray(first, first + context),
  }, { kind: "entropy", threshold: 1.5 });
}

deviceTest(
  "Trainer gives the loss of the batch that it read",
  async (device) => {
    const config = bltConfig({ kind: "entropy", threshold: 1.5 });
    const batch = batches().next();
    const starts = [0, 1, 2].map((row) => startsOf(batch, row));
    const model = buildModel(config, new Rng(1));
    placeWeights(model, device);
    const feed = model.feed(device, SHAPE.context, { gradient: false });
    const lengths = starts.map(() => SHAPE.context);
    const targets = Tensor.from(device, [72], batch.targets);
    const logits = noGrad(() => feed({ ids: batch.ids, lengths, starts }));
    const [expected = NaN] = await noGrad(() => crossEntropy(logits, targets))
      .data();

    using trainer = trainerOf(device, config);
    trainer.step();
    const [metrics] = await trainer.metrics();
    assertAlmostEquals(metrics!.loss, expected, 1e-6);
    const patches = starts.flatMap((flags) => [...flags.subarray(0, -1)])
      .reduce((sum, flag) => sum + flag);
    assertEquals(metrics!.meanPatchBytes, 72 / patches);
    assertGreater(metrics!.gradientNorm, 0);
  },
);

deviceTest("Trainer numbers its steps and tells each once", async (device) => {
  using trainer = trainerOf(device, bytesConfig);
  assertEquals(await trainer.metrics(), []);
  trainer.step();
  trainer.step();
  const two = await trainer.metrics();
  trainer.step();
  const three = await trainer.metrics();
  assertEquals([...two, ...three].map(({ step }) => step), [1, 2, 3]);
  assertEquals(three[0]!.meanPatchBytes, 1);
});

Deno.test("Trainer tells the patches of each step that is read late", async () => {
  using _scope = new Scope();
  const config = bltConfig({ kind: "space" });
  const means = async (readEach: boolean): Promise<number[]> => {
    using trainer = trainerOf(devices[0]!, config);
    const metrics: StepMetrics[] = [];
    for (let step = 0; step < 4; step++) {
      trainer.step();
      if (readEach || step === 3) metrics.push(...await trainer.metrics());
    }
    return metrics.map(({ meanPatchBytes }) => meanPatchBytes);
  };
  const late = await means(false);
  assertEquals(late, await means(true));
  assertGreater(new Set(late).size, 1);
});

deviceTest("Trainer follows its schedule without waiting", (device) => {
  using trainer = trainerOf(device, bytesConfig);
  const { waits } = device.counts;
  const rates = Array.from({ length: 5 }, () => {
    const { lr } = trainer;
    trainer.step();
    return lr;
  });
  assertEquals(rates, [0.0025, 0.005, 0.0075, 0.01, 0.01]);
  assertEquals(device.counts.waits, waits);
});

deviceTest("Trainer learns", async (device) => {
  using _scope = new Scope();
  using trainer = trainerOf(device, bytesConfig);
  for (let step = 0; step < 20; step++) trainer.step();
  const metrics = await trainer.metrics();
  assertGreater(metrics[0]!.loss - metrics.at(-1)!.loss, 0.5);
});

deviceTest(
  "Trainer.settle() mends thresholds and leaves weights",
  async (device) => {
    using _scope = new Scope();
    const { config } = tinyEndToEnd({ kind: "next", reaches: "all" });
    using trainer = trainerOf(device, { ...config, warmupSteps: 0 });
    const { values } = trainer.weights.arena;
    for (let step = 0; step < 3; step++) trainer.step();
    const [settled = 0] = await values.get("threshold")!.data();
    values.get("threshold")!.write(new Float32Array([9, 500]));
    const before = await trainer.weights.arena.read("values");
    trainer.settle(20);
    const after = await trainer.weights.arena.read("values");
    const [threshold = 0, calls] = after.get("threshold")!;
    // 9 nats are more than any byte can have.
    assertLess(Math.abs(threshold - settled), 0.2);
    assertEquals(calls, 520);
    before.delete("threshold");
    after.delete("threshold");
    assertEquals(after, before);
    const { waits } = device.counts;
    trainer.settle();
    assertEquals(device.counts.waits, waits);
  },
);

Deno.test("Trainer keeps the metrics of 256 steps", async () => {
  using _scope = new Scope();
  using trainer = trainerOf(devices[0]!, bytesConfig);
  for (let step = 0; step < 257; step++) trainer.step();
  const metrics = await trainer.metrics();
  assertEquals([metrics.length, metrics[0]!.step], [256, 2]);
});

Deno.test("Trainer.settle() takes as many batches as steps, at most 40", async () => {
  using _scope = new Scope();
  const { config } = tinyEndToEnd({ kind: "next", reaches: "all" });
  using trainer = trainerOf(devices[0]!, config);
  const threshold = trainer.weights.arena.values.get("threshold")!;
  for (const [steps, settling] of [[2, 2], [43, 40]] as const) {
    while (trainer.optimizer.steps < steps) trainer.step();
    const [, before = 0] = await threshold.data();
    trainer.settle();
    const [, after = 0] = await threshold.data();
    assertEquals(after - before, settling);
  }
});

Deno.test("Trainer.warnings() tells of thresholds below 0.01 nats", async () => {
  using _scope = new Scope();
  const { config } = tinyEndToEnd({ kind: "next", reaches: "all" });
  using trainer = trainerOf(devices[0]!, config);
  const threshold = trainer.weights.arena.values.get("threshold")!;
  const warningsAt = (value: number, steps: number): Promise<string[]> => {
    threshold.write(Float32Array.of(value, steps));
    return trainer.warnings();
  };
  assertEquals(await warningsAt(0.0101, 7), []);
  assertEquals(await warningsAt(0.0099, 0), []);
  assertEquals(
    await warningsAt(0.0099, 1),
    ["threshold fell to 0.0099 nats: units start at random"],
  );
});

Deno.test("Trainer that cannot be made leaves nothing open", () => {
  const cpu = devices[0]!;
  const { liveBlocks } = cpu.memory;
  {
    using _scope = new Scope(); // fails when another is open inside
    const model = buildModel(bytesConfig, new Rng(1));
    assertThrows(
      () =>
        new Trainer(model, cpu, {
          batches: batches(),
          shape: SHAPE,
          schedule: { kind: "constant", peak: 0.01, warmupSteps: 4 },
          storage: "f16",
        }),
      DeviceError,
      "Cannot store weights in f16",
    );
  }
  assertEquals(cpu.memory.liveBlocks, liveBlocks);
});
