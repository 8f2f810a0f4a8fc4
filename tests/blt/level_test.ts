import { assertEquals } from "@std/assert";
import { groupCapacity, Level, type LevelConfig } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { Rng, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { forAll } from "../support/for_all.ts";

Deno.test("groupCapacity() leaves room beyond the wanted groups", () => {
  assertEquals(groupCapacity(4, { units: 512, documents: 1 }), 195);
  // No more than there can be: each unit, and one in front of a document.
  assertEquals(groupCapacity(1, { units: 30, documents: 2 }), 32);
  assertEquals(groupCapacity(4, { units: 1, documents: 1 }), 2);
});

Deno.test("groupCapacity() has room for what documents start", () => {
  forAll(
    (draw) => ({
      target: draw.integer(1, 9),
      lengths: Array.from(
        { length: draw.integer(1, 30) },
        () => draw.integer(1, 4),
      ),
    }),
    ({ target, lengths }) => {
      const units = lengths.reduce((sum, n) => sum + n);
      const extent = { units, documents: lengths.length };
      // Two groups, or one of a single unit, behind an empty one.
      const forced = lengths.reduce((sum, n) => sum + 1 + Math.min(n, 2), 0);
      assertEquals(groupCapacity(target, extent) >= forced, true);
    },
  );
});

const WIDE = {
  layers: 1,
  dim: 8,
  heads: 1,
  hiddenDim: 8,
  window: 4,
  ropeTheta: 10_000,
};

const CONFIG: LevelConfig = {
  slots: 1,
  residual: 1,
  uncertainty: { kind: "fixed" },
  grouping: { target: 2.6, most: 5, rule: "above" },
  trunk: WIDE,
  reader: WIDE,
};

const OPTIONS = { unitBytes: 4, rng: new Rng(0) };

deviceTest("Level groups a fixed number of units", async (device) => {
  const level = new Level(CONFIG, OPTIONS);
  placeWeights(level, device);
  const { segments } = level.group(
    {
      firsts: [0, 9],
      counts: Tensor.from(device, [1], Uint32Array.of(9)),
      documents: Tensor.from(device, [9], new Uint32Array(9)),
    },
    Tensor.empty(device, [9]),
    { units: 9, documents: 1 },
  );
  const ids = [...await segments.ids.indices()];
  assertEquals(ids, [0, 1, 1, 1, 2, 2, 2, 3, 3]);
});

deviceTest("Level groups by scores above its threshold", async (device) => {
  const level = new Level(
    { ...CONFIG, uncertainty: { kind: "seam" } },
    OPTIONS,
  );
  const { arena } = placeWeights(level, device);
  const values = await arena.read("values");
  arena.write("values", values.set("threshold", Float32Array.of(1, 7)));
  const { segments } = level.group(
    {
      firsts: [0, 9],
      counts: Tensor.from(device, [1], Uint32Array.of(9)),
      documents: Tensor.from(device, [9], new Uint32Array(9)),
    },
    Tensor.from(device, [9], [0, 0, 2, 1, 0, 0, 0, 0, 3]),
    { units: 9, documents: 1 },
  );
  const ids = [...await segments.ids.indices()];
  assertEquals(ids, [0, 1, 1, 2, 2, 2, 2, 2, 3]);
});

Deno.test("Level adds nothing at first, and widens slots only where it must", () => {
  const made = (slots: number): Level =>
    new Level({ ...CONFIG, slots }, { unitBytes: 4, rng: new Rng(0) });
  const { reader, input } = made(1);
  assertEquals([input === undefined, made(2).input === undefined], [
    true,
    false,
  ]);
  const last = [
    ...reader.cross.map(({ out }) => out),
    ...reader.transformer.blocks.flatMap((
      { attention, feedForward },
    ) => [attention.out, feedForward.down]),
  ];
  assertEquals(last.length, 3);
  for (const { weight } of last) {
    assertEquals(weight.initial.every((x) => x === 0), true);
  }
});
