import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  Blt,
  type BltConfig,
  BltSession,
  ByteSession,
  ByteTransformer,
  encode,
  type PatcherConfig,
  patchStarts,
  streamEntropies,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, entropy, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { assertClose, MODEL } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const BLOCK = {
  layers: 2,
  dim: 16,
  heads: 2,
  hiddenDim: 32,
  window: 6,
  ropeTheta: 10_000,
};

const TEXT = encode("Call me Ishmael. Some years ago, naïve 鯨!", {
  eos: false,
});

function bltOf(patcher: PatcherConfig): Blt {
  const config: BltConfig = {
    kind: "blt",
    patcher,
    ngrams: { sizes: [3, 4], functions: 1, rows: 31 },
    encoder: BLOCK,
    latent: { ...BLOCK, dim: 24, window: 5 },
    decoder: { ...BLOCK, layers: 1, window: 9 },
    slots: 2,
    residual: 2,
  };
  return new Blt(config, new Rng(3));
}

/** Logits of the whole forward pass, one row for each id. */
async function whole(
  device: Device,
  model: Blt | ByteTransformer,
  starts: readonly Uint8Array[],
): Promise<Float32Array> {
  using _scope = new Scope();
  const feed = model.feed(device, TEXT.length, { gradient: false });
  const rows = { ids: TEXT, lengths: [TEXT.length], starts };
  return await noGrad(() => feed(rows)).data();
}

deviceTest(
  "ByteSession gives the logits of the whole forward pass",
  async (device) => {
    const model = new ByteTransformer(
      { kind: "bytes", transformer: BLOCK },
      new Rng(1),
    );
    placeWeights(model, device);
    const expected = await whole(device, model, []);
    using session = new ByteSession(model, device);
    for (let p = 0; p < TEXT.length; p++) {
      const logits = await session.push(TEXT.subarray(p, p + 1));
      const row = expected.subarray(260 * p, 260 * (p + 1));
      assertClose(logits, row, { absolute: 1e-4, relative: 1e-4 });
    }
  },
);

/** Patchers whose patches are short, long, and beyond the room at first. */
const PATCHERS: readonly PatcherConfig[] = [
  { kind: "space" },
  { kind: "static", bytes: 3 },
  { kind: "byte" },
  { kind: "entropy", threshold: 5.1, maxBytes: 7 },
  { kind: "relative", threshold: 0 },
  { kind: "custom", ends: (_, previous) => previous === 1 },
];

for (const patcher of PATCHERS) {
  // Prompts of one piece, of many, and cut in the middle of a patch.
  for (const prompt of [1, 4, 30]) {
    deviceTest(
      `BltSession equals the whole forward pass, ${patcher.kind} patches, prompt of ${prompt}`,
      async (device) => {
        const model = bltOf(patcher);
        placeWeights(model, device);
        const entropyModel = new ByteTransformer(
          { kind: "bytes", transformer: { ...BLOCK, layers: 1 } },
          new Rng(4),
        );
        placeWeights(entropyModel, device);
        const rows = { ids: TEXT, lengths: [TEXT.length], starts: [] };
        const feed = entropyModel.feed(device, TEXT.length, {
          gradient: false,
        });
        const entropies = await noGrad(() => entropy(feed(rows))).data();
        const starts = patchStarts({ ids: TEXT, entropies }, patcher);
        const expected = await whole(device, model, [starts]);

        using session = new BltSession(model, device, entropyModel);
        for (let p = prompt; p <= TEXT.length; p++) {
          const from = p === prompt ? 0 : p - 1;
          const logits = await session.push(TEXT.subarray(from, p));
          const row = expected.subarray(260 * (p - 1), 260 * p);
          assertClose(logits, row, { absolute: 2e-4, relative: 2e-4 });
        }
        assertEquals([1, ...session.starts.map(Number)], [...starts]);
        assertEquals(session.patches, session.starts.filter(Boolean).length);
        assert(session.patches > 0);
      },
    );
  }
}

deviceTest(
  "ByteSession.entropies() gives those of the stream, piece by piece",
  async (device) => {
    const config = { kind: "bytes", transformer: BLOCK } as const;
    const model = new ByteTransformer(config, new Rng(2));
    placeWeights(model, device);
    assertGreater(TEXT.length, 3 * BLOCK.window); // several pieces
    using session = new ByteSession(model, device);
    const found = await session.entropies(TEXT);
    assertClose(found, await streamEntropies(model, device, TEXT), MODEL);
  },
);
