import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
} from "@std/assert";
import {
  type Document,
  evaluateStream,
  generate,
  MemoryStore,
  openRun,
  RUN_FILES,
  tokenStream,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../../blt/mod.ts";
import { openDevice } from "../../tensor/mod.ts";
import { BYTES_RUN, DOCUMENTS, trainTiny } from "../blt/tiny_run.ts";
import { devices } from "../support/devices.ts";

const cpu = devices[0]!;

/** One step of a small model, which says nothing. */
const SHORT: TrainOptions = { ...BYTES_RUN, steps: 1, evalEvery: 10 };

function documentOf(name: string, text: string): Document {
  return { name, bytes: new TextEncoder().encode(text) };
}

/** Trains on the processor up to the sample; what was told, and the files. */
async function trained(
  options: Partial<TrainOptions>,
  documents: readonly Document[] = DOCUMENTS,
): Promise<{ readonly events: TrainEvent[]; readonly store: MemoryStore }> {
  const store = new MemoryStore();
  const events: TrainEvent[] = [];
  const stopping = new AbortController();
  await train({ ...SHORT, ...options }, documents, {
    device: cpu,
    store,
    signal: stopping.signal,
    report: (event) => {
      events.push(event);
      if (event.kind === "evaluation") stopping.abort(); // the sample is long
    },
  });
  return { events, store };
}

function weightsOf({ files }: MemoryStore): Uint8Array {
  return files.get(RUN_FILES.weights)!;
}

/** What every run must end with. */
function assertEnded(events: readonly TrainEvent[]): void {
  const [last] = events.filter((event) => event.kind === "evaluation").slice(
    -1,
  );
  assert(last && Number.isFinite(last.bitsPerByte));
  for (const event of events) {
    if (event.kind === "step") assert(Number.isFinite(event.loss));
  }
}

/** What users ask a trainer for, and have met faults with. */
const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  "rows of one byte, one in a batch": async () => {
    const options = { model: "blt", patcher: "static" } as const;
    const rows = { ...options, batch: 1, context: 1, steps: 2 };
    assertEnded((await trained(rows)).events);
  },

  "a context as long as the text allows": async () => {
    const text = documentOf("text", "Call me Ishmael. ".repeat(3));
    const longest = await trained({ context: 1000 }, [text]).then(
      () => NaN,
      ({ message }: Error) => Number(/at most (\d+)/.exec(message)?.[1]),
    );
    assertEnded((await trained({ context: longest }, [text])).events);
  },

  "a text of the fewest bytes": async () => {
    const { events } = await trained({ context: 1, batch: 3 }, [
      documentOf("two", "ab"),
    ]);
    assertEnded(events);
  },

  "many documents of few bytes, and empty ones among them": async () => {
    const documents = Array.from(
      { length: 500 },
      (_, i) => documentOf(`${i}`, "abc".slice(0, i % 4)),
    );
    const options = { model: "blt", patcher: "space" } as const;
    assertEnded((await trained(options, documents)).events);
  },

  "one document twice, and two of one name": async () => {
    const [document] = DOCUMENTS;
    assertEnded((await trained({}, [document!, document!])).events);
    const other = documentOf(document!.name, "another text ".repeat(9));
    assertEnded((await trained({}, [document!, other])).events);
  },

  "a checkpoint or an evaluation later than the last step": async () => {
    const { events, store } = await trained({ saveEvery: 99, evalEvery: 99 });
    assertEnded(events);
    assert(weightsOf(store).length > 0);
  },

  "seeds of 0, below 0 and of 53 bits": async () => {
    const seeds = [0, -1, Number.MAX_SAFE_INTEGER, -1];
    const weights = [];
    for (const seed of seeds) {
      weights.push(weightsOf((await trained({ seed })).store));
    }
    assertEquals(weights[3], weights[1]);
    assertNotEquals(weights[0], weights[1]);
    assertNotEquals(weights[2], weights[1]);
  },

  "300 steps in the memory of the first": async () => {
    const store = new MemoryStore();
    const held: unknown[] = [];
    using device = await openDevice("cpu", { threads: 1 });
    const options = { ...SHORT, steps: 300, batch: 1, context: 8 };
    await trainTiny(device, { ...options, saveEvery: 1000, evalEvery: 1000 }, {
      store,
      report: (event, stop) => {
        const { liveBytes, heldBytes } = device.memory;
        if (event.kind === "step") held.push({ liveBytes, heldBytes });
        if (event.kind === "evaluation") stop();
      },
    });
    assert(held.length > 5);
    for (const memory of held) assertEquals(memory, held[0]);
    assertEquals(device.memory.liveBytes, 0);
  },

  "a run opened twice, of which one is closed": async () => {
    const { store } = await trained({});
    using one = await openRun(store, cpu);
    const prompt = new TextEncoder().encode("Call");
    const options = { prompt, bytes: 8, seed: 3 };
    const expected = await generate(one, options);
    const two = await openRun(store, cpu);
    assertEquals(await generate(two, options), expected);
    two[Symbol.dispose]();
    assertEquals(await generate(one, options), expected);
  },

  "a text of bytes that were never learned": async () => {
    const { store } = await trained({}, [
      documentOf("a", "aaaa bbb ".repeat(9)),
    ]);
    using run = await openRun(store, cpu);
    const other = documentOf("other", "Žluťoučký 鯨 \0");
    const stream = tokenStream([other]);
    const { bitsPerByte } = await evaluateStream(run, stream, 32);
    assert(bitsPerByte > 0 && bitsPerByte < 100);
    await generate(run, { prompt: other.bytes, bytes: 4 });
  },

  "a run of one device on another": async () => {
    const { store } = await trained({ model: "blt", patcher: "space" });
    const stream = tokenStream(DOCUMENTS);
    const bits: number[] = [];
    for (const device of devices) {
      using run = await openRun(store, device);
      bits.push((await evaluateStream(run, stream, 32)).bitsPerByte);
    }
    for (const found of bits) assertAlmostEquals(found, bits[0]!, 1e-5);
    assertEquals(bits.length, devices.length);
  },
};

for (const [kind, run] of Object.entries(KINDS)) {
  Deno.test(`training takes ${kind}`, async () => {
    const { liveBlocks } = cpu.memory;
    await run();
    assertEquals(cpu.memory.liveBlocks, liveBlocks, "memory leaked");
  });
}
