import { assert, assertEquals } from "@std/assert";
import {
  generate,
  MemoryStore,
  openRun,
  RUN_FILES,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../../blt/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE, type Tolerance } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";

const cpu = devices[0]!;
const book = new URL("../../data/moby_dick.txt", import.meta.url);
const DOCUMENTS = [
  { name: "book", bytes: (await Deno.readFile(book)).subarray(30_000, 32_000) },
];

/** Few steps, each of them told. */
const RUN: TrainOptions = {
  model: "blt",
  preset: "nano",
  patcher: "entropy",
  patchBytes: 4,
  steps: 12,
  batch: 2,
  context: 32,
  seed: 1,
  saveEvery: 1,
  evalEvery: 10,
};

/** Steps whose losses are known. */
const KNOWN_STEPS = [1, 10, 12];

/** What such a run tells, as it was once measured; losses in nats per id. */
const KNOWN = {
  "entropy model": {
    losses: [6.005103, 3.163446, 3.222491],
    gradientNorms: [4.527681, 1.704505, 2.180326],
    lrs: [0.006, 0.001531876, 0.000709369],
  },
  model: {
    losses: [6.12425, 3.518988, 3.498129],
    gradientNorms: [4.716619, 1.585471, 1.471681],
    lrs: [0.004, 0.001021251, 0.000472913],
  },
  threshold: 3.888453,
  bitsPerByte: 5.034099,
};

/** As for the tenth loss of a training run. */
const RUN_TOLERANCE: Tolerance = { absolute: 0, relative: 1e-3 };

/** Trains until `stops` says so; gives what was told, and the files. */
async function record(
  device: Device,
  options: TrainOptions,
  stops: (event: TrainEvent) => boolean = () => false,
): Promise<{ store: MemoryStore; events: readonly TrainEvent[] }> {
  const store = new MemoryStore();
  const events: TrainEvent[] = [];
  const stopping = new AbortController();
  await train(options, DOCUMENTS, {
    device,
    store,
    signal: stopping.signal,
    report: (event) => {
      events.push(event);
      if (stops(event)) stopping.abort();
    },
  });
  return { store, events };
}

/** Makes the last step the end: the sample is slow on a software adapter. */
function beforeLast(event: TrainEvent): boolean {
  return event.kind === "step" && event.phase === "model" && event.step === 11;
}

deviceTest("train() has its known losses in both phases", async (device) => {
  const { events } = await record(device, RUN, beforeLast);
  for (const phase of ["entropy model", "model"] as const) {
    const steps = events.filter((event) => event.kind === "step")
      .filter((step) =>
        step.phase === phase && KNOWN_STEPS.includes(step.step)
      );
    const { losses, gradientNorms, lrs } = KNOWN[phase];
    assertClose(steps.map(({ loss }) => loss), losses, RUN_TOLERANCE, "loss");
    const norms = steps.map(({ gradientNorm }) => gradientNorm);
    assertClose(norms, gradientNorms, RUN_TOLERANCE, "gradient norm");
    assertClose(steps.map(({ lr }) => lr), lrs, ELEMENTWISE, "learning rate");
  }
  const found = (kind: TrainEvent["kind"]): TrainEvent =>
    events.find((event) => event.kind === kind)!;
  const patcher = found("patcher");
  assert(patcher.kind === "patcher");
  assertClose([patcher.threshold], [KNOWN.threshold], RUN_TOLERANCE);
  const evaluation = found("evaluation");
  assert(evaluation.kind === "evaluation");
  assertEquals([evaluation.step, evaluation.bytes], [10, 100]);
  assertClose([evaluation.bitsPerByte], [KNOWN.bitsPerByte], RUN_TOLERANCE);
});

Deno.test("train() warms up over a tenth of its steps, at most 50", async () => {
  const first = async (steps: number): Promise<number> => {
    const { events } = await record(cpu, {
      ...RUN,
      model: "bytes",
      steps,
    }, ({ kind }) => kind === "start");
    const step = events.find((event) => event.kind === "step");
    return step!.lr;
  };
  const peak = 4e-3;
  assertEquals(await first(9), peak);
  assertEquals(await first(29), peak / 2);
  assertEquals(await first(499), peak / 49);
  assertEquals(await first(20_000), peak / 50);
});

Deno.test("train() tells of every tenth step, and of the last", async () => {
  const { events } = await record(
    cpu,
    { ...RUN, model: "bytes", steps: 23, saveEvery: 23, evalEvery: 23 },
    (event) => event.kind === "step" && event.step === 20,
  );
  const steps = events.filter((event) => event.kind === "step");
  assertEquals(steps.map(({ step }) => step), [10, 20, 21]);
});

Deno.test("train() ends with a sample of 300 bytes, drawn at 0.8", async () => {
  const { store, events } = await record(cpu, { ...RUN, seed: 7, steps: 1 });
  const sample = events.find((event) => event.kind === "sample");
  using run = await openRun(store, cpu);
  const options = { bytes: 300, temperature: 0.8, seed: 7 };
  assertEquals(sample!.bytes, await generate(run, options));
});

deviceTest(
  "train() keeps the entropy model in f32 where weights are f16",
  async (device) => {
    const entropyModel = async (
      storage: "f16" | "f32",
    ): Promise<Uint8Array> => {
      const { store } = await record(
        device,
        { ...RUN, storage, steps: 2 },
        (event) => event.kind === "patcher",
      );
      const weights = store.files.get(RUN_FILES.entropyWeights);
      assert(weights, "no entropy model was written");
      return weights;
    };
    assertEquals(await entropyModel("f16"), await entropyModel("f32"));
  },
  { halves: true },
);
