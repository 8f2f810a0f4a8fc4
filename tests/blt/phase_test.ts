import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Document,
  MemoryStore,
  NonFiniteError,
  parseEvents,
  readCheckpoint,
  readRunConfig,
  RUN_FILES,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../../blt/mod.ts";
import { devices } from "../support/devices.ts";
import { BYTES_RUN, ENTROPY_RUN, trainTiny } from "./tiny_run.ts";

const cpu = devices[0]!;

type Stops = (event: TrainEvent) => boolean;

/** Stops behind the last evaluation, and makes no sample. */
function beforeSample({ steps }: TrainOptions): Stops {
  return (event) => event.kind === "evaluation" && event.step === steps;
}

/** Trains until something stops it; resolves to what was told. */
async function trainUntil(
  store: MemoryStore,
  options: TrainOptions,
  { stops, resume = false }: {
    readonly stops: Stops;
    readonly resume?: boolean;
  },
): Promise<{ events: TrainEvent[]; step: number }> {
  const events: TrainEvent[] = [];
  const { finished, step } = await trainTiny(cpu, options, {
    store,
    resume,
    report: (event, stop) => {
      events.push(event);
      if (stops(event)) stop();
    },
  });
  assertEquals(finished, false);
  return { events, step };
}

/** Files that must not depend on stops. */
function result({ files }: MemoryStore): (Uint8Array | undefined)[] {
  return [RUN_FILES.config, RUN_FILES.weights, RUN_FILES.state].map((name) =>
    files.get(name)
  );
}

/** Steps of the model that were evaluated, as the metrics say. */
function evaluated({ files }: MemoryStore): number[] {
  const text = new TextDecoder().decode(files.get(RUN_FILES.metrics));
  return parseEvents(text).flatMap((event) =>
    event.kind === "evaluation" ? [event.step] : []
  );
}

/** Stops a run, resumes it, and compares it with one that was not stopped. */
async function check(options: TrainOptions, stops: Stops): Promise<number> {
  const whole = new MemoryStore();
  await trainUntil(whole, options, { stops: beforeSample(options) });
  const store = new MemoryStore();
  const { step } = await trainUntil(store, options, { stops });
  await trainUntil(store, options, {
    stops: beforeSample(options),
    resume: true,
  });
  assertEquals(result(store), result(whole));
  assertEquals(evaluated(store), evaluated(whole));
  return step;
}

Deno.test("trainPhase() stops within settling, which begins anew", async () => {
  const options: TrainOptions = {
    ...ENTROPY_RUN,
    model: "end-to-end",
    steps: 6,
  };
  const stopsAtLast: Stops = (event) =>
    event.kind === "step" && event.step === 6;
  const store = new MemoryStore();
  await trainUntil(store, options, { stops: stopsAtLast });
  const { progress } = await readCheckpoint(store);
  assertEquals([progress.step, progress.unsettled], [6, true]);
  assertEquals(await check(options, stopsAtLast), 6);
});

Deno.test("trainPhase() stops within an evaluation, which is made up for", async () => {
  const options = { ...BYTES_RUN, evalEvery: 2 };
  const saved: Stops = ({ kind }) => kind === "saved";
  assertEquals(await check(options, saved), 2);
  // Where no checkpoint was due.
  const atEvaluation: Stops = (event) =>
    event.kind === "step" && event.step === 2;
  assertEquals(await check({ ...options, saveEvery: 9 }, atEvaluation), 2);
});

Deno.test("trainPhase() never saves weights that are not finite", async () => {
  for (
    const { cure, ...options } of [
      { ...BYTES_RUN, lr: 1e300, cure: "lr" },
      { ...ENTROPY_RUN, entropyLr: 1e300, cure: "entropyLr" },
    ] as const
  ) {
    const store = new MemoryStore();
    const eager = { ...options, saveEvery: 1 };
    const error = await assertRejects(
      () => trainTiny(cpu, eager, { store }),
      NonFiniteError,
      "no checkpoint was made yet",
    );
    assertEquals(error.cure, cure);
    assertEquals(store.files.has(RUN_FILES.state), false);
    assertEquals(store.files.has(RUN_FILES.weights), false);
    // The cure is taken and kept.
    const cured = { ...eager, [cure]: 1e-3 };
    const stops = beforeSample(cured);
    await trainUntil(store, cured, { stops, resume: true });
    assertEquals((await readRunConfig(store)).plan[cure], 1e-3);
    const fresh = new MemoryStore();
    await trainUntil(fresh, cured, { stops });
    assertEquals(result(store), result(fresh));
  }
});

Deno.test("trainPhase() saves nothing that a lower rate could not mend", async () => {
  for (const lr of [1e30, 1e20, 1e15, 1e8, 1e4]) {
    const store = new MemoryStore();
    const options = { ...BYTES_RUN, lr, steps: 6, saveEvery: 1 };
    try {
      await trainUntil(store, options, { stops: beforeSample(options) });
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
    }
    const cured = { ...options, lr: 1e-6 };
    await trainUntil(store, cured, {
      stops: beforeSample(cured),
      resume: true,
    });
  }
});

Deno.test("train() goes on with a lower rate behind the last checkpoint", async () => {
  const store = new MemoryStore();
  const atFirst: Stops = ({ kind }) => kind === "saved";
  const longer = { ...BYTES_RUN, steps: 6 };
  await trainUntil(store, longer, { stops: atFirst });
  const slower = { ...longer, lr: 1e-5 };
  const { events } = await trainUntil(store, slower, {
    stops: beforeSample(slower),
    resume: true,
  });
  const step = events.find(({ kind }) => kind === "step");
  assert(step?.kind === "step");
  assert(step.step === 4 && step.lr <= 1e-5, JSON.stringify(step));
});

Deno.test("train() takes another patch size until the model is begun", async () => {
  const store = new MemoryStore();
  const stops: Stops = ({ kind }) => kind === "progress";
  await trainUntil(store, ENTROPY_RUN, { stops });
  const other = { ...ENTROPY_RUN, patchBytes: 2 };
  await trainUntil(store, other, { stops: beforeSample(other), resume: true });
  const fresh = new MemoryStore();
  await trainUntil(fresh, other, { stops: beforeSample(other) });
  assertEquals(result(store), result(fresh));
  await assertRejects(
    () => trainTiny(cpu, ENTROPY_RUN, { store, resume: true }),
    RangeError,
    "expected patchBytes 2, since the training of the model has begun with it, got 4",
  );
});

Deno.test("train() warns of a text that suits no threshold", async () => {
  for (const byte of [97, 0, 10]) {
    const documents: Document[] = [
      { name: "monotonous", bytes: new Uint8Array(900).fill(byte) },
    ];
    const events: TrainEvent[] = [];
    const stopping = new AbortController();
    const store = new MemoryStore();
    const { step } = await train(ENTROPY_RUN, documents, {
      device: cpu,
      store,
      signal: stopping.signal,
      report: (event) => {
        events.push(event);
        if (event.kind === "step" && event.phase === "model") stopping.abort();
      },
    });
    assertEquals(step, 3);
    const warning = events.find(({ kind }) => kind === "warning");
    assert(warning?.kind === "warning");
    assert(/^no threshold gives this text patches of 4 by/.test(warning.text));
  }
});
