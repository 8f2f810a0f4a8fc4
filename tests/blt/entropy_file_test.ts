import { assertEquals, assertRejects } from "@std/assert";
import {
  ByteTransformer,
  keptEntropies,
  MemoryStore,
  RUN_FILES,
  streamEntropies,
  tokenStream,
  type TrainEvent,
  writeWeights,
} from "../../blt/mod.ts";
import { placeWeights, readSafetensors } from "../../nn/mod.ts";
import { Rng, Scope } from "../../tensor/mod.ts";
import { devices } from "../support/devices.ts";
import { bytesConfig } from "./subject.ts";

const device = devices[0]!;
const CHUNK = 2048;
const FILE = RUN_FILES.entropies;

function streamOf(text: string): Uint32Array {
  const bytes = new TextEncoder().encode(text.repeat(600));
  return tokenStream([{ name: "text", bytes }]);
}

const STREAM = streamOf("naïve 鯨! ");

async function modelIn(
  store: MemoryStore,
  seed: number,
): Promise<ByteTransformer> {
  const model = new ByteTransformer(bytesConfig, new Rng(seed));
  const weights = placeWeights(model, device);
  await writeWeights(store, RUN_FILES.entropyWeights, weights);
  return model;
}

interface Found {
  readonly entropies: Float32Array;
  readonly warnings: readonly string[];
  /** Positions that were known. */
  readonly from: number | undefined;
}

async function found(
  store: MemoryStore,
  model: ByteTransformer,
  { stream = STREAM, expected = false } = {},
): Promise<Found> {
  const events: TrainEvent[] = [];
  const entropies = await keptEntropies({
    model,
    device,
    stream,
    store,
    expected,
    tell: (event) => events.push(event),
  });
  const warnings = events.flatMap((event) =>
    event.kind === "warning" ? [event.text] : []
  );
  const first = events.find((event) => event.kind === "progress");
  return { entropies, warnings, from: first?.done };
}

Deno.test("keptEntropies() reads the text once", async () => {
  using _scope = new Scope();
  const store = new MemoryStore();
  const model = await modelIn(store, 1);
  const expected = await streamEntropies(model, device, STREAM);
  assertEquals(await found(store, model), {
    entropies: expected,
    warnings: [],
    from: 0,
  });
  assertEquals(await found(store, model, { expected: true }), {
    entropies: expected,
    warnings: [],
    from: undefined,
  });
});

Deno.test("keptEntropies() goes on where it was stopped", async () => {
  using _scope = new Scope();
  const store = new MemoryStore();
  const model = await modelIn(store, 1);
  const stopping = new AbortController();
  let chunks = 0;
  const watched: Pick<ByteTransformer, "config" | "feed"> = {
    config: model.config,
    feed: (...args) => {
      const feed = model.feed(...args);
      return (rows) => {
        if (++chunks === 2) stopping.abort(new Error("enough"));
        return feed(rows);
      };
    },
  };
  const reason = await assertRejects(() =>
    keptEntropies({
      model: watched as ByteTransformer,
      device,
      stream: STREAM,
      store,
      signal: stopping.signal,
      tell: () => {},
    })
  );
  assertEquals((reason as Error).message, "enough");
  const { tensors } = readSafetensors(store.files.get(FILE)!);
  assertEquals(tensors.get("entropies")!.shape, [2 * CHUNK]);
  const { entropies, from, warnings } = await found(store, model);
  assertEquals([from, warnings], [2 * CHUNK, []]);
  assertEquals(entropies, await streamEntropies(model, device, STREAM));
});

Deno.test("keptEntropies() makes anew what is missing, damaged or of something else", async () => {
  using _scope = new Scope();
  const store = new MemoryStore();
  const model = await modelIn(store, 1);
  const { entropies } = await found(store, model);
  const good = store.files.get(FILE)!;
  const flipped = good.slice();
  flipped[good.length - 9]! ^= 1;
  const cases: [string, () => void][] = [
    ["is missing", () => store.files.delete(FILE)],
    ["is damaged", () => store.files.set(FILE, good.subarray(0, 99))],
    ["is damaged", () => store.files.set(FILE, new Uint8Array())],
    ["is damaged", () => store.files.set(FILE, flipped)],
  ];
  for (const [words, spoil] of cases) {
    spoil();
    const again = await found(store, model, { expected: true });
    assertEquals(again, {
      entropies,
      warnings: [`${FILE} ${words}: it is made anew`],
      from: 0,
    });
    assertEquals(store.files.get(FILE), good);
  }
  const stream = streamOf("Ishmael! ");
  const other = await found(store, model, { stream });
  assertEquals(other.warnings, [`${FILE} is of another text: it is made anew`]);
  const trained = await modelIn(store, 2);
  const { warnings } = await found(store, trained, { stream });
  assertEquals(warnings, [
    `${FILE} is of another entropy model: it is made anew`,
  ]);
});
