import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertThrows,
} from "@std/assert";
import {
  Blt,
  bltPreset,
  bytesPreset,
  countParameters,
  EndToEndBlt,
  endToEndPreset,
  entropyModelPreset,
  flopsPerByte,
  type ModelConfig,
  PRESET_NAMES,
  StackedBlt,
  stackedPreset,
} from "../../blt/mod.ts";
import type { TransformerConfig } from "../../nn/mod.ts";

const SPACE = { kind: "space" } as const;

Deno.test("bltPreset() has the sizes that its names promise", () => {
  const { compute, lookup } = countParameters(
    new Blt(bltPreset("nano", SPACE)),
  );
  assertAlmostEquals(compute, 0.9e6, 0.05e6);
  assertAlmostEquals(lookup, 0.8e6, 0.05e6);
});

/** Sizes of blocks in one line. */
function sizesOf(
  { layers, dim, heads, hiddenDim, window, ropeTheta }: TransformerConfig,
): string {
  return `${layers} of ${dim} / ${heads} / ${hiddenDim}, ${window}, ${ropeTheta}`;
}

Deno.test("presets have their sizes", () => {
  const sizes = PRESET_NAMES.map((name) => {
    const { encoder, latent, decoder, slots, residual, ngrams } = bltPreset(
      name,
      SPACE,
    );
    assertEquals(ngrams?.sizes, [3, 4, 5, 6, 7, 8]);
    assertEquals(encoder, { ...decoder, layers: 1 });
    assertEquals(bytesPreset(name).transformer, latent);
    const { transformer } = entropyModelPreset(name);
    return [
      ...[latent, decoder, transformer].map(sizesOf),
      [slots, residual, ngrams?.functions, ngrams?.rows],
    ];
  });
  assertEquals(sizes, [
    [
      "3 of 128 / 4 / 384, 512, 500000",
      "2 of 64 / 2 / 192, 128, 500000",
      "1 of 64 / 2 / 192, 128, 10000",
      [2, 2, 1, 2048],
    ],
    [
      "6 of 256 / 4 / 704, 512, 500000",
      "3 of 128 / 4 / 384, 128, 500000",
      "2 of 128 / 4 / 384, 128, 10000",
      [2, 2, 1, 8192],
    ],
    [
      "8 of 512 / 8 / 1408, 512, 500000",
      "4 of 192 / 6 / 512, 128, 500000",
      "2 of 192 / 6 / 512, 128, 10000",
      [2, 2, 1, 16384],
    ],
    [
      "6 of 768 / 12 / 2048, 512, 500000",
      "4 of 256 / 4 / 704, 128, 500000",
      "2 of 192 / 6 / 512, 128, 10000",
      [3, 2, 1, 50002],
    ],
  ]);
});

Deno.test("endToEndPreset() has its sizes and weights", () => {
  const { blt, ...own } = endToEndPreset("nano", { patchBytes: 4.5 });
  assertEquals(blt, bltPreset("nano", { kind: "static", bytes: 5 }));
  assertEquals(own, {
    kind: "end-to-end",
    tiny: { ...blt.encoder, hiddenDim: 64, window: 32 },
    objective: { kind: "next", reaches: "all" },
    skip: true,
    auxiliaryWeight: 0.3,
    grouping: { target: 4.5, most: 20, rule: "above" },
    warmupSteps: 100,
  });
  const { grouping } = endToEndPreset("nano", { patchBytes: 3 });
  assertEquals(grouping.most, 16);
});

Deno.test("stackedPreset() shares out the latent layers", () => {
  const layersOf = (name: typeof PRESET_NAMES[number]): number[][] => {
    const options = { levels: 3, patchBytes: 4 };
    const { blt, levels } = stackedPreset(name, SPACE, options);
    return [
      [blt.latent.layers],
      ...levels.map(({ trunk, reader }) => [trunk.layers, reader.layers]),
    ];
  };
  assertEquals(PRESET_NAMES.map(layersOf), [
    [[1], [1, 1], [3, 1]],
    [[2], [2, 2], [6, 2]],
    [[3], [3, 3], [8, 3]],
    [[2], [2, 2], [6, 2]],
  ]);
  const { levels, blt } = stackedPreset("nano", SPACE, {
    levels: 2,
    patchBytes: 4,
  });
  assertEquals(levels, [{
    slots: 2,
    residual: 1,
    uncertainty: { kind: "cost", of: "total", weight: 0.1 },
    grouping: { target: 4, most: 16, rule: "above" },
    trunk: { ...blt.latent, layers: 3 },
    reader: blt.latent,
  }]);
});

Deno.test("presets grow from the smallest to the largest", () => {
  const kinds: Readonly<
    Record<string, (name: typeof PRESET_NAMES[number]) => ModelConfig>
  > = {
    bytes: bytesPreset,
    blt: (name) => bltPreset(name, SPACE),
    endToEnd: (name) => endToEndPreset(name, { patchBytes: 4 }),
    stacked: (name) => stackedPreset(name, SPACE, { levels: 3, patchBytes: 4 }),
  };
  for (const [kind, preset] of Object.entries(kinds)) {
    const costs = PRESET_NAMES.map((name) =>
      flopsPerByte(preset(name), { context: 512, meanPatchBytes: 4 })
    );
    for (const [i, cost] of costs.slice(1).entries()) {
      assertGreater(cost, costs[i]!, kind);
    }
  }
  for (const name of PRESET_NAMES) {
    const { transformer } = entropyModelPreset(name);
    assertEquals(transformer.dim % transformer.heads, 0);
  }
});

Deno.test("stackedPreset() of 1 level is bltPreset()", () => {
  for (const name of PRESET_NAMES) {
    const { blt, levels } = stackedPreset(name, SPACE, {
      levels: 1,
      patchBytes: 4,
    });
    assertEquals(blt, bltPreset(name, SPACE));
    assertEquals(levels, []);
  }
});

Deno.test("stackedPreset() has as many levels as it is told", () => {
  for (const levels of [2, 3]) {
    const config = stackedPreset("nano", SPACE, { levels, patchBytes: 4 });
    assertEquals(new StackedBlt(config).levels.length, levels - 1);
    const { compute } = countParameters(new StackedBlt(config));
    assertGreater(
      compute,
      countParameters(
        new StackedBlt({
          ...config,
          levels: config.levels.slice(1),
        }),
      ).compute,
    );
  }
});

Deno.test("stackedPreset() refuses impossible levels and groups", () => {
  for (const levels of [0, 4, -1, 1.5, NaN]) {
    assertThrows(
      () => stackedPreset("nano", SPACE, { levels, patchBytes: 4 }),
      RangeError,
      `Cannot build a stacked BLT: levels must be 1, 2 or 3, got ${levels}`,
    );
  }
  for (const unitsPerGroup of [0, 0.9, NaN]) {
    const options = { levels: 2, patchBytes: 4, unitsPerGroup };
    assertThrows(
      () => stackedPreset("nano", SPACE, options),
      RangeError,
      `levels[0].grouping.target must be >= 1 unit per group, got ${unitsPerGroup}`,
    );
  }
});

Deno.test("models refuse groups that cannot be", () => {
  const stacked = stackedPreset("nano", SPACE, { levels: 2, patchBytes: 4 });
  const [level] = stacked.levels;
  const grouping = { target: 4, most: 3, rule: "above" } as const;
  assertThrows(
    () => new StackedBlt({ ...stacked, levels: [{ ...level!, grouping }] }),
    RangeError,
    "levels[0].grouping.most must be at least its target 4, got 3",
  );
  assertThrows(
    () =>
      new StackedBlt({
        ...stacked,
        levels: [{ ...level!, reader: { ...level!.reader, window: 3 } }],
      }),
    RangeError,
    "levels[0].reader must have dim, heads, window and ropeTheta",
  );
  const endToEnd = endToEndPreset("nano", { patchBytes: 4 });
  assertThrows(
    () => new EndToEndBlt({ ...endToEnd, grouping }),
    RangeError,
    "grouping.most must be at least its target 4, got 3",
  );
  assertThrows(
    () => endToEndPreset("nano", { patchBytes: 0.9 }),
    RangeError,
    "grouping.target must be >= 1 unit per group, got 0.9",
  );
  assertThrows(
    () =>
      new EndToEndBlt({
        ...endToEnd,
        objective: { kind: "previous", bytes: 0 },
      }),
    RangeError,
    "objective.bytes must be >= 1, got 0",
  );
  const objective = { kind: "routing" } as const;
  assertThrows(
    () => endToEndPreset("nano", { patchBytes: 1, objective }),
    RangeError,
    "grouping.target must be > 1 with routing, got 1",
  );
  const rise = { target: 4, most: 16, rule: "rise" } as const;
  assertThrows(
    () => new EndToEndBlt({ ...endToEnd, objective, grouping: rise }),
    RangeError,
    "grouping.rule must be above with routing, got rise",
  );
  assertThrows(
    () => new EndToEndBlt({ ...endToEnd, tiny: { ...endToEnd.tiny, dim: 8 } }),
    RangeError,
    "tiny.dim must be encoder.dim, got 8 and 64",
  );
});

Deno.test("endToEndPreset() has n-gram tables only where they are read", () => {
  const tables = (skip: boolean): boolean =>
    "ngrams" in endToEndPreset("nano", { patchBytes: 4, skip }).blt;
  assertEquals([tables(true), tables(false)], [true, false]);
});
