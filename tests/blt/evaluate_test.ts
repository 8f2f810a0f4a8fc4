import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
} from "@std/assert";
import {
  BOS,
  buildModel,
  ByteTransformer,
  type Document,
  EndToEndBlt,
  type EndToEndSession,
  evaluateStream,
  type ModelConfig,
  openSession,
  patchRows,
  segment,
  streamEntropies,
  tokenStream,
  type Trained,
  windows,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";

const CONTEXT = 24;

function documentOf(text: string): Document {
  return { name: "text", bytes: new TextEncoder().encode(text) };
}

const STREAM = tokenStream([
  documentOf("Call me Ishmael. Some years ago, never mind how long."),
  documentOf("x"),
  documentOf("naïve 鯨! ".repeat(30)),
]);

/** Of the next byte, by random heads: some are above it, and some below. */
const ENTROPY = Math.log(260) - 0.1;

function trainedOf(device: Device, config: ModelConfig): Trained {
  const model = buildModel(config, new Rng(1));
  const { arena } = placeWeights(model, device);
  if (model instanceof EndToEndBlt && model.heads) {
    arena.values.get("threshold")!.write(Float32Array.of(ENTROPY, 1));
  }
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(2));
  placeWeights(entropyModel, device);
  return { model, entropyModel, device };
}

/** Nats and ids of a stream, one row at a time, with a softmax in float64. */
async function byHand(
  { model, entropyModel, device }: Trained,
  stream: Uint32Array,
): Promise<{ nats: number; ids: number; patches: number }> {
  const all = await streamEntropies(entropyModel!, device, stream);
  const sum = { nats: 0, ids: 0, patches: 0 };
  const feed = model.feed(device, CONTEXT, { gradient: false });
  for (
    const { ids, targets, offsets: [offset = 0] } of windows(stream, CONTEXT)
  ) {
    using _row = new Scope();
    const lengths = [ids.length];
    const entropies = all.subarray(offset - 1, offset - 1 + ids.length);
    const rows = patchRows({ ids, lengths, entropies }, model.config);
    const logits = await noGrad(() => feed(rows)).data();
    targets.forEach((target, p) => {
      const row = [...logits.subarray(260 * p, 260 * (p + 1))];
      const mass = row.reduce((mass, logit) => mass + Math.exp(logit), 0);
      sum.nats += Math.log(mass) - row[target]!;
    });
    sum.ids += ids.length;
    for (const flag of rows.starts[0]?.subarray(0, -1) ?? []) {
      sum.patches += flag;
    }
  }
  return sum;
}

/** What some entropies of the random model are above, and most are not. */
const THRESHOLD = 5.09;

const MODELS: Readonly<Record<string, ModelConfig>> = {
  "a byte transformer": bytesConfig,
  "patches by entropy": bltConfig({ kind: "entropy", threshold: THRESHOLD }),
  "static patches": bltConfig({ kind: "static", bytes: 4 }),
};

for (const [name, config] of Object.entries(MODELS)) {
  deviceTest(
    `evaluateStream() adds up what each byte costs, ${name}`,
    async (device) => {
      const trained = trainedOf(device, config);
      const { nats, ids, patches } = await byHand(trained, STREAM);
      const found = await evaluateStream(trained, STREAM, CONTEXT);
      const bytes = 53 + 1 + 30 * 12;
      assertEquals(found.bytes, bytes);
      const bits = nats / Math.LN2 / bytes;
      assertAlmostEquals(found.bitsPerByte, bits, 1e-5);
      assertEquals(found.meanPatchBytes, patches === 0 ? 1 : ids / patches);
      if (patches > 0) assertLess(Math.abs(found.meanPatchBytes - 3), 1.5);
    },
  );
}

/** A model that thinks every id equally likely. */
function uniform(device: Device): Trained {
  const model = new ByteTransformer(bytesConfig);
  const { arena } = placeWeights(model, device);
  const zeros = [...arena.values].map(([name, { size }]) =>
    [name, new Float32Array(size)] as const
  );
  arena.write("values", new Map(zeros));
  return { model, entropyModel: undefined, device };
}

deviceTest(
  "evaluateStream() counts every id once, log2 260 bits each",
  async (device) => {
    const trained = uniform(device);
    for (const context of [1, 7, 24, 5000]) {
      const { bitsPerByte, bytes } = await evaluateStream(
        trained,
        STREAM,
        context,
      );
      // A BOS where a row begins is read, but not asked for.
      const rows = [...windows(STREAM, context)];
      const skipped = rows.filter(({ offsets: [offset = 0] }) =>
        STREAM[offset - 1] === BOS
      );
      const asked = STREAM.length - skipped.length;
      assertAlmostEquals(bitsPerByte * bytes / asked, Math.log2(260), 1e-6);
    }
  },
);

deviceTest("evaluateStream() takes a text of one byte", async (device) => {
  const stream = tokenStream([documentOf("a")]);
  const found = await evaluateStream(uniform(device), stream, 512);
  assertEquals(found.bytes, 1);
  // The byte and the end of the document.
  assertAlmostEquals(found.bitsPerByte, 2 * Math.log2(260), 1e-5);
});

deviceTest(
  "evaluateStream() counts the patches that a model makes itself",
  async (device) => {
    const { entropyModel } = trainedOf(device, bytesConfig); // for byHand
    const model = tinyEndToEnd({ kind: "next", reaches: "all" });
    const { arena } = placeWeights(model, device);
    arena.values.get("threshold")!.write(Float32Array.of(ENTROPY, 1));
    const trained = { model, entropyModel, device };
    // A session reads one document.
    const stream = tokenStream([documentOf("naïve 鯨! ".repeat(30))]);
    const { nats, ids } = await byHand(trained, stream);
    let patches = 0;
    for (const row of windows(stream, CONTEXT)) {
      using _row = new Scope();
      using session = await openSession(trained);
      await session.push(row.ids);
      const { starts } = session as EndToEndSession;
      patches += 1 + starts.slice(0, -1).filter(Boolean).length;
    }
    const found = await evaluateStream(trained, stream, CONTEXT);
    assertGreater(found.meanPatchBytes, 1.1);
    assertEquals(found.meanPatchBytes, ids / patches);
    const bits = nats / Math.LN2 / found.bytes;
    assertAlmostEquals(found.bitsPerByte, bits, 1e-5);
  },
);

const CUT: Readonly<Record<string, () => ModelConfig>> = {
  "patches by entropy": () =>
    bltConfig({ kind: "entropy", threshold: THRESHOLD }),
  "static patches": () => bltConfig({ kind: "static", bytes: 4 }),
  "patches by the next byte": () =>
    tinyEndToEnd({ kind: "next", reaches: "all" }).config,
  "patches by the bytes before": () =>
    tinyEndToEnd({ kind: "previous", bytes: 2 }).config,
  "patches by routing": () => tinyEndToEnd({ kind: "routing" }).config,
  "groups of patches": () =>
    tinyStacked(2, { kind: "space" }, { kind: "fixed" }).config,
};

for (const [name, config] of Object.entries(CUT)) {
  deviceTest(
    `evaluateStream() counts the patches of a text and its BOS, ${name}`,
    async (device) => {
      const trained = trainedOf(device, config());
      for (const text of ["x", "naïve", "Call me Ishmael."]) {
        const document = documentOf(text);
        const stream = tokenStream([document]);
        const { bytes, meanPatchBytes } = await evaluateStream(
          trained,
          stream,
          CONTEXT,
        );
        const { patches } = await segment(trained, document.bytes);
        const expected = (bytes + 1) / (patches.length + 1);
        assertEquals(meanPatchBytes, expected, text);
        if (text === "x") assertEquals(meanPatchBytes, 1);
      }
    },
  );
}

deviceTest(
  "evaluateStream() counts the patches of each document in a row",
  async (device) => {
    const model = tinyEndToEnd({ kind: "previous", bytes: 2 });
    const { arena } = placeWeights(model, device);
    // No score is above it: a document is BOS, then its bytes and its end.
    arena.values.get("threshold")!.write(Float32Array.of(100, 1));
    const { meanPatchBytes } = await evaluateStream(
      { model, entropyModel: undefined, device },
      tokenStream([documentOf("abc"), documentOf("d")]),
      CONTEXT,
    );
    assertEquals(meanPatchBytes, (5 + 2) / (2 + 2));
  },
);
