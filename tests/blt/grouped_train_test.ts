import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type Document,
  MemoryStore,
  RUN_FILES,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../../blt/mod.ts";
import { readSafetensors } from "../../nn/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { ENTROPY_RUN, trainTiny } from "./tiny_run.ts";

const END_TO_END: TrainOptions = { ...ENTROPY_RUN, model: "end-to-end" };
const STACKED: TrainOptions = { ...ENTROPY_RUN, model: "stacked", levels: 3 };

const RUNS: Readonly<Record<string, TrainOptions>> = {
  "end-to-end, previous": { ...END_TO_END, objective: "previous" },
  "end-to-end, routing": { ...END_TO_END, objective: "routing" },
  "stacked, total": { ...STACKED, patcher: "space" },
  "stacked, seam": { ...STACKED, uncertainty: "seam" },
};

/** Digest of all that must not depend on stops. */
async function result({ files }: MemoryStore): Promise<string> {
  const { config, weights, entropyWeights, state } = RUN_FILES;
  const parts = [config, weights, entropyWeights, state].map((name) =>
    new Blob([files.get(name)?.slice() ?? ""])
  );
  const bytes = await new Blob(parts).arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

/** Trains until something that is told stops the run. */
async function trainUntil(
  device: Device,
  options: TrainOptions,
  store: MemoryStore,
  { resume = false, stops }: {
    readonly resume?: boolean;
    readonly stops: (event: TrainEvent) => boolean;
  },
): Promise<number> {
  const { step } = await trainTiny(device, options, {
    store,
    resume,
    report: (event, stop) => {
      if (stops(event)) stop();
    },
  });
  return step;
}

/** In front of the last step, so that no sample takes its time. */
function atSecondStep(event: TrainEvent): boolean {
  return event.kind === "step" && event.phase === "model" && event.step === 2;
}

async function check(device: Device, options: TrainOptions): Promise<void> {
  const whole = new MemoryStore();
  await trainUntil(device, options, whole, { stops: atSecondStep });

  const resumed = new MemoryStore();
  const early = options.uncertainty === "seam" ? "patcher" : "start";
  const stops = ({ kind }: TrainEvent): boolean => kind === early;
  assertEquals(await trainUntil(device, options, resumed, { stops }), 1);
  await trainUntil(device, options, resumed, {
    resume: true,
    stops: atSecondStep,
  });
  assertEquals(await result(resumed), await result(whole));

  const { tensors } = readSafetensors(whole.files.get(RUN_FILES.state)!);
  const thresholds = [...tensors].filter(([key]) =>
    key.startsWith("values/") && key.endsWith("threshold")
  );
  assert(thresholds.length > 0);
  for (const [key, { data }] of thresholds) {
    if (options.objective === "routing") {
      assertEquals([...data], [0.5, 0], key);
      continue;
    }
    // Three steps and as many to settle, of which some end with too few groups
    // for a third level to decide about.
    const decided = options.uncertainty === "seam" ? 3 : 4;
    assertEquals(data[1], key.includes("levels.1.") ? decided : 6, key);
    assert(data[0] !== 0, key);
  }
}

deviceTest(
  "train() of an end-to-end BLT resumes to the same bits",
  (device) => check(device, END_TO_END),
);

for (const [name, options] of Object.entries(RUNS)) {
  Deno.test(`train() of a model ${name}, resumes to the same bits`, () =>
    check(devices[0]!, options));
}

Deno.test("train() warns of a threshold that collapses", async () => {
  const documents: Document[] = [
    { name: "monotonous", bytes: new Uint8Array(900).fill(97) },
  ];
  const events: TrainEvent[] = [];
  const store = new MemoryStore();
  const stopping = new AbortController();
  await train({ ...END_TO_END, steps: 100, saveEvery: 40 }, documents, {
    device: devices[0]!,
    store,
    signal: stopping.signal,
    report: (event) => {
      events.push(event);
      if (event.kind === "step" && event.step === 80) stopping.abort();
    },
  });
  const warnings = events.filter(({ kind }) => kind === "warning");
  assert(warnings.length > 0);
  for (const warning of warnings) {
    assert(warning.kind === "warning");
    assertMatch(warning.text, /^threshold fell to \S+ nats/);
  }
  const metrics = new TextDecoder().decode(store.files.get(RUN_FILES.metrics));
  assert(metrics.includes(`{"kind":"warning"`));
});
