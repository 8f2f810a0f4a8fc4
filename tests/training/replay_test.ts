import { assertEquals, assertGreater } from "@std/assert";
import {
  Batches,
  buildModel,
  evaluateStream,
  type LanguageModel,
  type StepMetrics,
  tokenStream,
  Trainer,
} from "../../blt/mod.ts";
import { type Device, Rng } from "../../tensor/mod.ts";
import { bltConfig, bytesConfig } from "../blt/subject.ts";
import { tinyEndToEnd, tinyStacked } from "../blt/tiny_models.ts";
import { deviceTest } from "../support/devices.ts";

const SHAPE = { rows: 2, context: 24 };

const STEPS = 24;

const WARMUP = { warmupSteps: 5 };

/** Documents so long that most rows hold a part of one, and others of two. */
const STREAM = tokenStream(
  ["Call me Ishmael. ", "Some years ago, ", "naïve 鯨! "].map((text) => ({
    name: text,
    bytes: new TextEncoder().encode(text.repeat(20)),
  })),
);

const COST = { kind: "cost", of: "rate", weight: 0.1 } as const;
const STATIC = { kind: "static", bytes: 4 } as const;

/** Models whose steps mostly have one structure, and one of which few have. */
const MODELS: Readonly<Record<string, () => LanguageModel>> = {
  ByteTransformer: () => buildModel(bytesConfig, new Rng(1)),
  Blt: () => buildModel(bltConfig(STATIC), new Rng(1)),
  "Blt, by spaces,": () => buildModel(bltConfig({ kind: "space" }), new Rng(1)),
  "EndToEndBlt, previous,": () =>
    tinyEndToEnd({ kind: "previous", bytes: 2 }, WARMUP),
  "EndToEndBlt, next,": () =>
    tinyEndToEnd({ kind: "next", reaches: "branch" }, WARMUP),
  "EndToEndBlt, routing,": () => tinyEndToEnd({ kind: "routing" }, WARMUP),
  StackedBlt: () => tinyStacked(3, STATIC, COST),
};

/** What a run leaves, to the bit. */
interface Outcome {
  readonly metrics: readonly StepMetrics[];
  readonly bitsPerByte: number;
  readonly planes: readonly ReadonlyMap<string, Float32Array>[];
}

/**
 * Trains, evaluates, trains, settles and trains; `learned` hears of each lesson
 * that is not replayed.
 */
async function run(
  model: LanguageModel,
  device: Device,
  learned: (step: number) => void,
): Promise<Outcome> {
  const own = model.teach.bind(model);
  model.teach = (device, positions) => {
    const teach = own(device, positions);
    return {
      ...teach,
      learn: (batch, targets) => {
        learned(trainer.optimizer.steps);
        return teach.learn(batch, targets);
      },
    };
  };
  using trainer: Trainer = new Trainer(model, device, {
    batches: new Batches(STREAM, SHAPE, new Rng(2)),
    shape: SHAPE,
    schedule: { kind: "constant", peak: 0.01, warmupSteps: 8 },
  });
  const { waits } = device.counts;
  for (let i = 0; i < STEPS / 2; i++) trainer.step();
  assertEquals(device.counts.waits, waits);
  const trained = { model, entropyModel: undefined, device };
  const { bitsPerByte } = await evaluateStream(trained, STREAM, 40);
  for (let i = 0; i < STEPS / 2; i++) trainer.step();
  trainer.settle(2);
  for (let i = 0; i < 3; i++) trainer.step();
  const planes = [];
  for (const plane of ["values", "m", "v"]) {
    planes.push(await trainer.weights.arena.read(plane));
  }
  return { metrics: await trainer.metrics(), bitsPerByte, planes };
}

/** The same model, but no two of its batches are alike. */
function neverAlike(model: LanguageModel): LanguageModel {
  const own = model.teach.bind(model);
  model.teach = (device, positions) => {
    const { upload, learn } = own(device, positions);
    let number = 0;
    return {
      upload: (rows, step) => ({
        batch: upload(rows, step),
        number: number++,
      }),
      learn: ({ batch }: { readonly batch: unknown }, targets) =>
        learn(batch, targets),
    };
  };
  return model;
}

/** Times that steps were missing between those that launched. */
function gaps(steps: readonly number[]): number {
  return steps.filter((step, i) => step > (steps[i - 1] ?? step) + 1).length;
}

for (const [name, make] of Object.entries(MODELS)) {
  deviceTest(`${name} trains to the same bits by replays`, async (device) => {
    const some: number[] = [];
    const replayed = await run(make(), device, (step) => some.push(step));
    const all: number[] = [];
    const launched = await run(
      neverAlike(make()),
      device,
      (step) => all.push(step),
    );
    assertEquals(replayed, launched);
    assertEquals(gaps(all), 0);
    assertEquals(some.slice(0, 2), [1, 2]);
    if (name === "Blt, by spaces,") assertEquals(some, all);
    else assertGreater(gaps(some), 1, "replays, and again after a change");
  });
}
