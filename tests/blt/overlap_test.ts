import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  buildModel,
  ByteTransformer,
  evaluateStream,
  generate,
  type GenerateOptions,
  type LanguageModel,
  MemoryStore,
  openRun,
  segment,
  streamEntropies,
  tokenStream,
  train,
  type Trained,
  type TrainOptions,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  add,
  backward,
  type Device,
  DisposedError,
  mul,
  openDevice,
  Rng,
  Scope,
  Tensor,
} from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";
import { BYTES_RUN, DOCUMENTS } from "./tiny_run.ts";

const MODELS: Readonly<Record<string, () => LanguageModel>> = {
  bytes: () => buildModel(bytesConfig, new Rng(1)),
  "patches by entropy": () =>
    buildModel(bltConfig({ kind: "entropy", threshold: 5.2 }), new Rng(1)),
  "end to end": () => tinyEndToEnd({ kind: "next", reaches: "all" }),
  "three levels": () =>
    tinyStacked(3, { kind: "static", bytes: 2 }, {
      kind: "cost",
      of: "total",
      weight: 0.1,
    }),
};

const TEXT = new TextEncoder().encode("Call me Ishmael. Some years ago, 鯨!");

function trainedOn(device: Device, make: () => LanguageModel): Trained {
  const model = make();
  placeWeights(model, device);
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
  placeWeights(entropyModel, device);
  return { model, entropyModel, device };
}

function prompted(i: number): GenerateOptions {
  return { prompt: TEXT.subarray(0, i + 1), bytes: 5, seed: i };
}

/** What must hold after calls that overlapped, whatever they did. */
async function assertNothingIsLeft(
  device: Device,
  { liveBytes }: Device["memory"],
  scope: Scope | undefined,
): Promise<void> {
  assertEquals(Scope.current === scope, true, "a scope is open");
  assertEquals(device.memory.liveBytes, liveBytes);
  using _scope = new Scope();
  const x = Tensor.from(device, [1], [3]);
  const [dx] = backward(mul(x, x), [x]);
  assertEquals([...await dx!.data()], [6]);
}

for (const [name, make] of Object.entries(MODELS)) {
  deviceTest(
    `generate() ten times at once writes what each does alone, ${name}`,
    async (device) => {
      const trained = trainedOn(device, make);
      const { current } = Scope;
      const { memory } = device;
      const count = device.kind === "cpu" ? 10 : 4;
      const alone: Uint8Array[] = [];
      for (let i = 0; i < count; i++) {
        alone.push(await generate(trained, prompted(i)));
      }
      const calls = alone.map((_, i) => generate(trained, prompted(i)));
      // What others make in the meantime is theirs.
      const mine = Tensor.from(device, [1], [7]);
      const sum = add(mine, mine);
      const cut = segmentOf(trained);
      assertEquals(await Promise.all(calls), alone);
      await cut;
      assertEquals([...await sum.data()], [14]);
      mine.dispose();
      sum.dispose();
      await assertNothingIsLeft(device, memory, current);
    },
  );
}

/** Patches of a text, where there are some. */
async function segmentOf(trained: Trained): Promise<void> {
  if (trained.model.config.kind !== "bytes") await segment(trained, TEXT);
}

deviceTest("generate() that stops harms no other", async (device) => {
  const trained = trainedOn(device, MODELS["three levels"]!);
  const { current } = Scope;
  const { memory } = device;
  const alone = await generate(trained, prompted(3));
  const stopping = new AbortController();
  const reason = new Error("enough");
  const stopped = assertRejects(
    () =>
      generate(
        trained,
        { ...prompted(2), bytes: 1000, signal: stopping.signal },
        () => stopping.abort(reason),
      ),
    Error,
    "enough",
  );
  const wrong = assertRejects(
    () => generate(trained, { ...prompted(1), topK: 0 }),
    RangeError,
  );
  const thrown = assertRejects(
    () =>
      generate(trained, prompted(4), () => {
        throw new SyntaxError("planted");
      }),
    SyntaxError,
    "planted",
  );
  assertEquals(await generate(trained, prompted(3)), alone);
  await Promise.all([stopped, wrong, thrown]);
  await assertNothingIsLeft(device, memory, current);
});

const HELD_OUT = tokenStream(DOCUMENTS);

/** Weights of a run, and what its own evaluation says. */
async function trainOn(
  device: Device,
  options: TrainOptions,
  hear: () => void = () => {},
): Promise<unknown> {
  const store = new MemoryStore();
  const events: unknown[] = [];
  await train(options, DOCUMENTS, {
    device,
    store,
    report: (event) => {
      hear();
      if (event.kind === "evaluation") events.push(event.bitsPerByte);
      if (event.kind === "sample") events.push(event.bytes);
    },
  });
  return [events, store.files.get("weights.safetensors")];
}

Deno.test("train() twice at once, and evaluateStream() meanwhile, give the same", async () => {
  const device = devices[0]!;
  const { current } = Scope;
  const { memory } = device;
  {
    using _models = new Scope();
    const trained = trainedOn(device, MODELS["patches by entropy"]!);
    const options: TrainOptions = {
      ...BYTES_RUN,
      model: "stacked",
      patcher: "static",
      saveEvery: 1,
      evalEvery: 1,
    };
    const others = { ...options, seed: 9 };
    const alone = [
      await trainOn(device, options),
      await trainOn(device, others),
      await evaluateStream(trained, HELD_OUT, 16),
    ];
    const made: Tensor[] = [];
    const at = Scope.current;
    const hear = (): void => {
      assert(Scope.current === at, "a scope of training is open");
      made.push(Tensor.from(device, [1], [1]));
    };
    assertEquals(
      await Promise.all([
        trainOn(device, options, hear),
        trainOn(device, others),
        evaluateStream(trained, HELD_OUT, 16),
      ]),
      alone,
    );
    assert(made.length > 0);
    for (const x of made) assertEquals([...await x.data()], [1]);
  }
  await assertNothingIsLeft(device, memory, current);
});

Deno.test("generate() on two devices at once writes what it does on each", async () => {
  using first = await openDevice("cpu", { threads: 1 });
  const second = devices.at(-1)!;
  using _scope = new Scope();
  const trained = [first, second].map((device) =>
    trainedOn(device, MODELS["end to end"]!)
  );
  const alone: Uint8Array[] = [];
  for (const one of trained) alone.push(await generate(one, prompted(1)));
  assertEquals(
    await Promise.all(trained.map((one) => generate(one, prompted(1)))),
    alone,
  );
});

Deno.test("long work lets timers through and hears of its signal", async () => {
  using _scope = new Scope();
  const device = devices[0]!;
  const trained = trainedOn(device, MODELS["patches by entropy"]!);
  const long = tokenStream([{ name: "long", bytes: new Uint8Array(300_000) }]);
  const calls: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => generate(trained, { bytes: 1e6, signal }),
    (signal) =>
      generate(trained, { prompt: new Uint8Array(90_000), bytes: 1, signal }),
    (signal) => evaluateStream(trained, long, 32, { signal }),
    (signal) => segment(trained, new Uint8Array(300_000), { signal }),
    (signal) =>
      streamEntropies(trained.entropyModel!, device, long, { signal }),
  ];
  for (const [i, call] of calls.entries()) {
    const stopping = new AbortController();
    const timer = setTimeout(() => stopping.abort(new Error("enough")), 20);
    const start = performance.now();
    await assertRejects(() => call(stopping.signal), Error, "enough");
    clearTimeout(timer);
    assert(performance.now() - start < 5000, `call ${i}`);
  }
});

deviceTest("openRun() owns its memory, and that alone", async (device) => {
  const store = new MemoryStore();
  await train({ ...BYTES_RUN, model: "blt", steps: 1 }, DOCUMENTS, {
    device: devices[0]!,
    store,
    report: () => {},
  });
  const { liveBytes } = device.memory;
  const opening = openRun(store, device);
  let run;
  {
    using _scope = new Scope(); // must not take what is opened
    await opening;
    run = await opening;
  }
  assert(device.memory.liveBytes > liveBytes);
  const alone = await generate(run, prompted(1));
  assertEquals(await generate(run, prompted(1)), alone);
  run[Symbol.dispose]();
  assertEquals(device.memory.liveBytes, liveBytes);
  const closed = run;
  const { model, entropyModel } = closed;
  for (
    const call of [
      () => generate(closed, prompted(1)),
      () => evaluateStream(closed, HELD_OUT, 16),
      () => segment(closed, TEXT),
      () => generate({ model, entropyModel, device }, prompted(1)),
    ]
  ) {
    await assertRejects(call, DisposedError);
  }
  assertEquals(device.memory.liveBytes, liveBytes);
  // The entropy model is opened last: what was opened before is freed.
  store.files.delete("entropy.safetensors");
  await assertRejects(() => openRun(store, device), SyntaxError);
  assertEquals(device.memory.liveBytes, liveBytes);
});
