import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type Document,
  MemoryStore,
  NonFiniteError,
  openRun,
  parseEvents,
  readCheckpoint,
  RUN_FILES,
  type RunStore,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../../blt/mod.ts";
import { type Device, DeviceError, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { BYTES_RUN, DOCUMENTS, ENTROPY_RUN, trainTiny } from "./tiny_run.ts";

const cpu = devices[0]!;

/** An event in a word or two. */
function short(event: TrainEvent): string {
  switch (event.kind) {
    case "step":
      return `${event.phase} ${event.step} of ${event.steps}`;
    case "saved":
    case "evaluation":
      return `${event.kind} ${event.step}`;
    default:
      return event.kind;
  }
}

/** Digests of the files that must not depend on stops. */
async function result(
  { files }: MemoryStore,
): Promise<Record<string, string>> {
  const { config, weights, entropyWeights, state } = RUN_FILES;
  const digests: Record<string, string> = {};
  for (const name of [config, weights, entropyWeights, state]) {
    const bytes = files.get(name)?.slice();
    if (!bytes) continue;
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    digests[name] = new Uint8Array(digest).toHex();
  }
  return digests;
}

/** A run from its first step to its last. */
interface Whole {
  readonly store: MemoryStore;
  readonly events: readonly TrainEvent[];
}

/** Trains to the end. */
async function whole(
  device: Device,
  options: TrainOptions,
): Promise<Whole> {
  const store = new MemoryStore();
  const events: TrainEvent[] = [];
  const report = (event: TrainEvent): void => void events.push(event);
  const outcome = await trainTiny(device, options, { store, report });
  assertEquals(outcome, { finished: true, step: options.steps });
  return { store, events };
}

/** Stops after the third step: the sample behind it takes long. */
function stopBeforeSample(event: TrainEvent, stop: () => void): void {
  if (short(event) === "model 2 of 3") stop();
}

/** Makes all steps of a run, but no more. */
async function steps(
  device: Device,
  options: TrainOptions,
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const report = stopBeforeSample;
  const outcome = await trainTiny(device, options, { store, report });
  assertEquals(outcome, { finished: false, step: 3 });
  return store;
}

/** Trains until the event of that index, then goes on from the files. */
async function stoppedAt(
  device: Device,
  options: TrainOptions,
  index: number,
): Promise<MemoryStore> {
  const store = new MemoryStore();
  let heard = 0;
  const { finished } = await trainTiny(device, options, {
    store,
    report: (_, stop) => {
      if (heard++ === index) stop();
    },
  });
  assertEquals(finished, false, `stopped at event ${index}`);
  await trainTiny(device, options, {
    store,
    report: stopBeforeSample,
    resume: true,
  });
  return store;
}

Deno.test("train() tells what happens in order and keeps the numbers", async () => {
  const { store, events } = await whole(cpu, { ...ENTROPY_RUN, evalEvery: 2 });
  assertEquals(events.map(short), [
    "start",
    "entropy model 2 of 3",
    "saved 2",
    "entropy model 3 of 3",
    "saved 3",
    "progress",
    "patcher",
    "model 2 of 3",
    "saved 2",
    "evaluation 2",
    "model 3 of 3",
    "saved 3",
    "evaluation 3",
    "sample",
  ]);
  const lines = new TextDecoder().decode(store.files.get(RUN_FILES.metrics))
    .trimEnd().split("\n");
  assertEquals(
    lines.map((line) => JSON.parse(line)),
    events.filter(({ kind }) => kind === "step" || kind === "evaluation"),
  );
  assertEquals(
    [...store.files.keys()].sort(),
    Object.values(RUN_FILES).toSorted(),
  );
});

Deno.test("train() reports the sizes of the run", async () => {
  const { events } = await whole(cpu, BYTES_RUN);
  const [start] = events;
  assert(start?.kind === "start");
  const { device, model, trainBytes, heldOutBytes, batch, context } = start;
  assertStringIncludes(device, "cpu, ");
  assertEquals(model, "byte transformer nano");
  assertEquals(trainBytes + heldOutBytes, DOCUMENTS[0]!.bytes.length);
  assertEquals([batch, context], [2, 32]);
});

deviceTest("train() gives the same bits from the same seed", async (device) => {
  const options = device.kind === "cpu" ? ENTROPY_RUN : BYTES_RUN;
  const files = await result(await steps(device, options));
  assertEquals(await result(await steps(device, options)), files);
  const other = await result(await steps(device, { ...options, seed: 6 }));
  assertNotEquals(other[RUN_FILES.weights], files[RUN_FILES.weights]);
});

Deno.test("train() resumes to the same bits wherever it was stopped", async () => {
  const { store, events } = await whole(cpu, ENTROPY_RUN);
  const expected = await result(store);
  for (const [i, event] of events.entries()) {
    if (short(event) === "model 2 of 3") break;
    if (event.kind === "step") continue; // stops like the event behind it
    const stopped = await stoppedAt(cpu, ENTROPY_RUN, i);
    assertEquals(await result(stopped), expected, short(event));
  }
});

deviceTest("train() resumes a byte transformer", async (device) => {
  const stopped = await stoppedAt(device, BYTES_RUN, 0);
  const unstopped = await steps(device, BYTES_RUN);
  assertEquals(await result(stopped), await result(unstopped));
});

Deno.test("train() evaluates when all steps were made before", async () => {
  const { store, events } = await whole(cpu, BYTES_RUN);
  const resumed: TrainEvent[] = [];
  await trainTiny(cpu, BYTES_RUN, {
    store,
    resume: true,
    report: (event) => resumed.push(event),
  });
  assertEquals(resumed.map(short), ["start", "evaluation 3", "sample"]);
  assertEquals(resumed.slice(1), events.slice(-2));
});

deviceTest("train() keeps what is good when it diverges", async (device) => {
  const store = new MemoryStore();
  const options = { ...BYTES_RUN, steps: 30, saveEvery: 1 };
  const until = (last: number) => (event: TrainEvent, stop: () => void) => {
    if (event.kind === "saved" && event.step === last) stop();
  };
  await trainTiny(device, options, { store, report: until(2) });
  const { progress: { step } } = await readCheckpoint(store);
  const good = store.files.get(RUN_FILES.state)!;
  const error = await assertRejects(
    () => trainTiny(device, { ...options, lr: 1e30 }, { store, resume: true }),
    NonFiniteError,
    `of the model is not finite; the checkpoint of step ${step} of the model is kept`,
  );
  // The step behind it was made, and what it led to was not kept.
  assertEquals(error.step, step + 2);
  assertEquals(store.files.get(RUN_FILES.state), good);
  {
    using _scope = new Scope();
    using run = await openRun(store, device);
    assertEquals(run.config.plan.lr, 1e30);
  }
  await trainTiny(device, { ...options, lr: 1e-4 }, {
    store,
    resume: true,
    report: until(step + 2),
  });
  assert((await readCheckpoint(store)).progress.step > step);
});

/** A store that stops for good at that call of those which change it. */
function killed(store: MemoryStore, index: number): RunStore {
  let calls = 0;
  return {
    read: (name) => store.read(name),
    async write(name, bytes): Promise<void> {
      if (calls++ >= index) throw new Error("killed");
      await store.write(name, bytes);
    },
    async append(name, text): Promise<void> {
      // A line may be cut off in its middle.
      const half = text.slice(0, text.length >> 1);
      const dies = calls++ >= index;
      if (calls <= index + 1) await store.append(name, dies ? half : text);
      if (dies) throw new Error("killed");
    },
  };
}

/** Evaluations that were kept, the last one of each step. */
function evaluations({ files }: MemoryStore): Map<number, string> {
  const text = new TextDecoder().decode(files.get(RUN_FILES.metrics));
  const kept = parseEvents(text).filter(({ kind }) => kind === "evaluation");
  return new Map(kept.map((event) => [
    event.kind === "evaluation" ? event.step : NaN,
    JSON.stringify(event),
  ]));
}

Deno.test("train() goes on wherever it was killed, or the disk was full", async () => {
  const options = { ...ENTROPY_RUN, evalEvery: 2 };
  const report = (event: TrainEvent, stop: () => void): void => {
    if (short(event) === "evaluation 3") stop(); // before the sample
  };
  const whole = new MemoryStore();
  await trainTiny(cpu, options, { store: whole, report });
  const expected = await result(whole);
  assertEquals([...evaluations(whole).keys()], [2, 3]);
  for (let index = 0;; index++) {
    const store = new MemoryStore();
    const failed = await trainTiny(cpu, options, {
      store: killed(store, index),
      report,
    }).then(() => undefined, (error: Error) => error.message);
    if (failed === undefined) {
      assert(index > 15, `only ${index} calls`);
      break;
    }
    assertEquals(failed, "killed");
    if (store.files.has(RUN_FILES.weights)) {
      (await openRun(store, cpu))[Symbol.dispose]();
    }
    const resume = store.files.has(RUN_FILES.config);
    assertEquals(resume, index > 0);
    await trainTiny(cpu, options, { store, report, resume });
    assertEquals(await result(store), expected, `call ${index}`);
    assertEquals(evaluations(store), evaluations(whole), `call ${index}`);
  }
});

Deno.test("train() refuses bad data and options before it writes", async () => {
  const bytesOf = (length: number): Document[] => [
    { name: "short.txt", bytes: new Uint8Array(length) },
  ];
  const cases: [readonly Document[], Partial<TrainOptions>, string][] = [
    [[], {}, "no documents"],
    [bytesOf(0), {}, "short.txt: expected a document of at least 2 bytes"],
    [bytesOf(1), {}, "at least 2 bytes, got 1"],
    [bytesOf(20), {}, "the context must be at most 20 for this data, got 32"],
    [DOCUMENTS, { context: 500 }, "the context must be at most"],
    [DOCUMENTS, { steps: 0 }, "steps must be"],
    [DOCUMENTS, { entropySteps: 0 }, "entropySteps must be"],
    [DOCUMENTS, { patchBytes: 0.5 }, "patchBytes must be"],
    [DOCUMENTS, { lr: NaN }, "lr must be"],
  ];
  for (const [documents, options, message] of cases) {
    const store = new MemoryStore();
    await assertRejects(
      () =>
        train({ ...ENTROPY_RUN, ...options }, documents, {
          device: cpu,
          store,
          report: () => {},
        }),
      RangeError,
      message,
    );
    assertEquals([...store.files.keys()], []);
  }
  assertEquals(cpu.memory.liveBlocks, 0);
});

Deno.test("train() resumes only with the texts that it was started with", async () => {
  const store = await steps(cpu, BYTES_RUN);
  const other = (at: number): Document[] =>
    DOCUMENTS.map(({ name, bytes }) => ({
      name,
      bytes: bytes.map((byte, i) => i === at ? byte ^ 1 : byte),
    }));
  const before = store.files.get(RUN_FILES.state);
  // Of the text to learn from, and of what is held out.
  for (const at of [3, DOCUMENTS[0]!.bytes.length - 1]) {
    await assertRejects(
      () =>
        train(BYTES_RUN, other(at), {
          device: cpu,
          store,
          report: () => {},
          resume: true,
        }),
      RangeError,
      "the texts are not those that it was started with",
    );
    assertEquals(store.files.get(RUN_FILES.state), before);
  }
});

deviceTest(
  "train() learns nearly the same with weights in f16",
  async (device) => {
    const loss = async (options: TrainOptions): Promise<number> => {
      const losses: number[] = [];
      await trainTiny(device, options, {
        report: (event, stop) => {
          if (event.kind === "step") losses.push(event.loss);
          stopBeforeSample(event, stop);
        },
      });
      return losses.at(-1)!;
    };
    const rounded = await loss({ ...BYTES_RUN, storage: "f16" });
    const exact = await loss(BYTES_RUN);
    assertNotEquals(rounded, exact);
    assert(Math.abs(rounded - exact) < 5e-3, `${rounded} is not ${exact}`);
  },
  { halves: true },
);

Deno.test("train() writes nothing where there is no f16", async () => {
  const store = new MemoryStore();
  await assertRejects(
    () => trainTiny(cpu, { ...BYTES_RUN, storage: "f16" }, { store }),
    DeviceError,
    "Cannot store weights in f16: expected a WebGPU adapter with shader-f16",
  );
  assertEquals(store.files.size, 0);
});
