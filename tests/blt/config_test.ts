import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  Blt,
  type BltConfig,
  bltPreset,
  bytesPreset,
  ByteTransformer,
  checkBlt,
  checkEndToEnd,
  checkStacked,
  checkTransformer,
  describeModel,
  endToEndPreset,
  entropyModelPreset,
  patcherOf,
  PRESET_NAMES,
  stackedPreset,
  withThreshold,
} from "../../blt/mod.ts";
import { parameters } from "../../nn/mod.ts";

function sizeOf(model: object): number {
  let size = 0;
  for (const { size: own } of parameters(model).values()) size += own;
  return size;
}

const SPACE = { kind: "space" } as const;
const NANO = bltPreset("nano", SPACE);

Deno.test("bltPreset() has sizes that fit, each larger than the last", () => {
  const presets = PRESET_NAMES.map((name) => bltPreset(name, SPACE));
  let last = 0;
  for (const config of presets) {
    assertEquals(checkBlt(config), config);
    assertEquals(config.patcher, SPACE);
    const dims = [config.encoder.dim, config.latent.dim, config.latent.layers];
    const size = dims.reduce((product, n) => product * n);
    assertGreater(size, last);
    last = size;
  }
});

Deno.test("presets of nano have the parameters of their formula", () => {
  const block = (dim: number, hidden: number): number =>
    4 * dim * dim + 3 * dim * hidden + 2 * dim;
  const cross = 4 * 64 * 64 + 2 * 64;
  assertEquals(
    sizeOf(new Blt(NANO)),
    260 * 64 + 6 * 2048 * 64 + // bytes and n-grams
      3 * block(64, 192) + 3 * block(128, 384) + // local and latent blocks
      3 * cross + // one bytes to patches, two patches to bytes
      64 * 128 + 128 * 128 + // slots of patches, in and out
      64 + 260 * 64,
  );
  assertEquals(
    sizeOf(new ByteTransformer(bytesPreset("nano"))),
    260 * 128 + 3 * block(128, 384) + 128 + 260 * 128,
  );
  assertEquals(
    sizeOf(new ByteTransformer(entropyModelPreset("nano"))),
    260 * 64 + block(64, 192) + 64 + 260 * 64,
  );
});

Deno.test("checkBlt() names the field that is wrong", () => {
  const cases: [Partial<BltConfig>, string][] = [
    [{ slots: 0 }, "Cannot build a BLT: slots must be an integer >= 1, got 0"],
    [{ slots: 1.5 }, "slots must be an integer >= 1, got 1.5"],
    [
      { decoder: { ...NANO.decoder, dim: 128 } },
      "Cannot build a BLT: decoder.dim must be encoder.dim, got 128 and 64",
    ],
    [
      { latent: { ...NANO.latent, window: 0 } },
      "Cannot build a model: latent.window must be a whole number >= 1, got 0",
    ],
    [
      { encoder: { ...NANO.encoder, layers: -1 } },
      "encoder.layers must be a whole number",
    ],
    [
      { patcher: { kind: "static", bytes: 0 } },
      "bytes must be an integer >= 1",
    ],
  ];
  for (const [change, message] of cases) {
    const config = { ...NANO, ...change };
    assertThrows(() => checkBlt(config), RangeError, message);
    assertThrows(() => new Blt(config), RangeError, message);
  }
});

Deno.test("checkTransformer() wants heads of even width, and any window", () => {
  const config = { ...NANO.encoder, window: Infinity, layers: 0 };
  assertEquals(checkTransformer("tiny", config), config);
  assertThrows(
    () => checkTransformer("tiny", { ...config, dim: 6, heads: 2 }),
    RangeError,
    "Cannot build a model: tiny.dim must be a multiple of 2 tiny.heads, got 6 and 2",
  );
  for (const field of ["layers", "dim", "heads", "hiddenDim"]) {
    for (const value of [Infinity, -1, 2.5]) {
      assertThrows(
        () => checkTransformer("tiny", { ...config, [field]: value }),
        RangeError,
        `tiny.${field} must be a whole number >= 1, got ${value}`,
      );
    }
  }
  for (const ropeTheta of [0, -1, NaN, Infinity]) {
    assertThrows(
      () => checkTransformer("tiny", { ...config, ropeTheta }),
      RangeError,
      `Cannot build a model with tiny.ropeTheta: expected a number > 0, got ${ropeTheta}`,
    );
  }
  for (const field of ["dim", "heads", "hiddenDim", "window"]) {
    assertThrows(
      () => checkTransformer("tiny", { ...config, [field]: NaN }),
      RangeError,
      `tiny.${field} must be a whole number >= 1, got NaN`,
    );
  }
});

Deno.test("describeModel() names every kind of model", () => {
  const endToEnd = { patchBytes: 4, skip: false };
  const words = [
    bytesPreset("nano"),
    bltPreset("micro", { kind: "static", bytes: 4 }),
    endToEndPreset("nano", endToEnd),
    endToEndPreset("nano", { ...endToEnd, objective: { kind: "routing" } }),
    stackedPreset("mini", SPACE, { levels: 3, patchBytes: 4 }),
  ].map((config) => describeModel(config, "SIZE"));
  assertEquals(words, [
    "byte transformer SIZE",
    "BLT SIZE with static patches",
    "end-to-end BLT SIZE by next bytes, no skip",
    "end-to-end BLT SIZE by routing, no skip",
    "stacked BLT SIZE of 3 levels with space patches",
  ]);
});

Deno.test("models want at least one slot in a group", () => {
  const stacked = stackedPreset("nano", SPACE, { levels: 2, patchBytes: 4 });
  const [level] = stacked.levels;
  const withSlots = (slots: number): (() => unknown)[] => [
    () => checkBlt({ ...NANO, slots }),
    () => checkStacked({ ...stacked, levels: [{ ...level!, slots }] }),
  ];
  for (const check of withSlots(1)) check();
  for (const slots of [0, 1.5, NaN]) {
    for (const check of withSlots(slots)) {
      assertThrows(check, RangeError, `must be an integer >= 1, got ${slots}`);
    }
  }
});

Deno.test("levels read the units that the level below makes", () => {
  const stacked = stackedPreset("nano", SPACE, { levels: 3, patchBytes: 4 });
  const [first, second] = stacked.levels;
  const wide = { ...first!.trunk, window: 7 };
  const lower = { ...first!, trunk: wide };
  const upper = { ...second!, reader: { ...second!.reader, window: 7 } };
  checkStacked({ ...stacked, levels: [lower, upper] });
  assertThrows(
    () => checkStacked({ ...stacked, levels: [lower, second!] }),
    RangeError,
    "levels[1].reader must have dim, heads, window and ropeTheta",
  );
});

Deno.test("models of patches check the BLT in them", () => {
  const endToEnd = endToEndPreset("nano", { patchBytes: 4 });
  const stacked = stackedPreset("nano", SPACE, { levels: 2, patchBytes: 4 });
  for (
    const check of [
      () => checkEndToEnd({ ...endToEnd, blt: { ...endToEnd.blt, slots: 0 } }),
      () => checkStacked({ ...stacked, blt: { ...stacked.blt, slots: 0 } }),
    ]
  ) {
    assertThrows(check, RangeError, "slots must be an integer >= 1, got 0");
  }
});

Deno.test("withThreshold() reaches the patcher of every model that has one", () => {
  const patcher = { kind: "entropy", threshold: 0, maxBytes: 9 } as const;
  const expected = { ...patcher, threshold: 2 };
  const blt = bltPreset("nano", patcher);
  const stacked = stackedPreset("nano", patcher, { levels: 2, patchBytes: 4 });
  assertEquals(patcherOf(withThreshold(blt, 2)), expected);
  assertEquals(patcherOf(withThreshold(stacked, 2)), expected);
  assertEquals(withThreshold(NANO, 2), NANO);
  for (
    const config of [
      bytesPreset("nano"),
      endToEndPreset("nano", { patchBytes: 4 }),
    ]
  ) {
    assertEquals(withThreshold(config, 2), config);
    assertEquals(patcherOf(config), undefined);
  }
});
