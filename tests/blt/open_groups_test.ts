import { assert, assertEquals } from "@std/assert";
import { OpenGroups, Pool, Reader } from "../../blt/mod.ts";
import { placeWeights, type TransformerConfig } from "../../nn/mod.ts";
import { type Device, Rng, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const CONFIG: TransformerConfig = {
  layers: 2,
  dim: 8,
  heads: 2,
  hiddenDim: 8,
  window: 4,
  ropeTheta: 100,
};

const SLOTS = { slots: 2, residual: 1 } as const;

/** Open groups whose groups are thought of as they are, and what was thought. */
function openGroups(
  device: Device,
  nothing?: Tensor,
): { groups: OpenGroups; thought: number[] } {
  const rng = new Rng(1);
  const layers = {
    pool: new Pool(CONFIG, SLOTS, rng),
    reader: new Reader(CONFIG, 16, SLOTS, rng),
  };
  placeWeights(layers, device);
  const thought: number[] = [];
  const groups = new OpenGroups(device, 8, layers, (pooled) => {
    thought.push(pooled.shape[0]!);
    return Promise.resolve(pooled);
  }, nothing);
  return { groups, thought };
}

/** `count` units. */
function units(device: Device, count: number): Tensor {
  const values = new Float32Array(8 * count);
  new Rng(2).fillNormal(values, 1);
  return Tensor.from(device, [count, 8], values);
}

deviceTest(
  "OpenGroups lets a unit read the group that it closes",
  async (device) => {
    const { groups, thought } = openGroups(device);
    const first = await groups.read(units(device, 4), [
      true,
      false,
      true,
      true,
    ]);
    // Slots of the groups 0, 0, 1 and 2.
    const seen = await first.unitsSee.ofQueries.indices();
    assertEquals([...seen], [0, 2, 0, 2, 2, 4, 4, 6]);
    assertEquals(first.keysValues.map(({ shape }) => shape), [[6, 16], [
      6,
      16,
    ]]);
    assertEquals([groups.closed, thought], [3, [3]]);

    // Nothing closes: the newest group stays what is read.
    const second = await groups.read(units(device, 1), [false]);
    assertEquals([...await second.unitsSee.ofQueries.indices()], [0, 2]);
    assertEquals(thought, [3]);
    const newest = await second.keysValues[0]!.data();
    const before = await first.keysValues[0]!.data();
    assertEquals(newest, before.slice(4 * 16));
  },
);

deviceTest(
  "OpenGroups reads nothing at first when groups are known late",
  async (device) => {
    const nothing = Tensor.from(device, [1, 16], new Float32Array(16).fill(1));
    const { groups } = openGroups(device, nothing);
    const ends = [false, true, false];
    const read = await groups.read(units(device, 3), ends, { lookback: true });
    // The group of unit 0 is known to be closed by unit 1.
    const seen = await read.unitsSee.ofQueries.indices();
    assertEquals([...seen], [0, 2, 2, 4, 2, 4]);
    assertEquals(groups.closed, 1);
  },
);

deviceTest("OpenGroups makes room for a long group", async (device) => {
  const { groups } = openGroups(device);
  await groups.read(units(device, 1), [true]);
  for (let i = 0; i < 30; i++) {
    await groups.read(units(device, 5), Array(5).fill(false));
  }
  await groups.read(units(device, 1), [true]);
  assertEquals(groups.closed, 2);
  assert(device.memory.liveBytes > 0);
});
