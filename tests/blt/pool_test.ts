import { assertEquals, assertNotEquals } from "@std/assert";
import { Pool, type Pooling, poolingOf } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, Rng, Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const UNITS = { dim: 4, heads: 2 };

/** Rows 0 and 1 in one group, 2 to 4 in another, 5 alone. */
function pooling(device: Device): Pooling {
  const grouping = {
    bounds: Uint32Array.of(0, 2, 5, 6),
    readable: Uint32Array.of(0, 0, 1, 1, 1, 2),
    groups: { lengths: [3], documents: Uint32Array.of(0, 0, 0) },
  };
  const table = Tensor.from(device, [1, 1], [0]);
  return poolingOf(device, grouping, 2, { window: 9 }, table);
}

function input(): Float32Array {
  const x = new Float32Array(6 * UNITS.dim);
  new Rng(1).fillNormal(x, 1);
  return x;
}

deviceTest(
  "Pool seeds the slots with the maximum of a group",
  async (device) => {
    const pool = new Pool(UNITS, { slots: 2, residual: 1 }, new Rng(2));
    const { seed, cross } = pool;
    const [weight, out] = [seed.weight.initial, cross.out.weight.initial];
    // Slot 0 is the maximum, slot 1 minus that; attention adds nothing.
    weight.set(Float32Array.from(weight, (_, i) => {
      const [row, column] = [Math.floor(i / 4), i % 4];
      return row % 4 === column ? (row < 4 ? 1 : -1) : 0;
    }));
    out.fill(0);
    placeWeights(pool, device);
    const x = input();
    const y = pool.forward(Tensor.from(device, [6, 4], x), pooling(device));
    assertEquals(y.shape, [32, 8]);
    const bounds = [0, 2, 5, 6];
    const expected = [0, 1, 2].flatMap((group) => {
      const most = [0, 1, 2, 3].map((column) => {
        const rows = [...x].filter((_, i) => i % 4 === column)
          .slice(bounds[group], bounds[group + 1]);
        return Math.max(...rows);
      });
      return [...most, ...most.map((value) => -value)];
    });
    const found = await y.data();
    assertClose(found.subarray(0, 24), expected, ELEMENTWISE);
    assertEquals(found.subarray(24).every((value) => value === 0), true);
  },
);

deviceTest("Pool mixes a group with none but its own rows", async (device) => {
  const pool = new Pool(UNITS, { slots: 2, residual: 2 }, new Rng(2));
  placeWeights(pool, device);
  const patches = pooling(device);
  const x = input();
  const run = async (data: Float32Array): Promise<Float32Array[]> => {
    const y = pool.forward(Tensor.from(device, [6, 4], data), patches);
    const found = await y.data();
    return [0, 1, 2].map((group) => found.slice(8 * group, 8 * group + 8));
  };
  const before = await run(x);
  for (const [row, own] of [0, 0, 1, 1, 1, 2].entries()) {
    // Downwards, so that it is seen through attention, not as the maximum.
    const changed = x.slice();
    for (let i = 0; i < 4; i++) changed[4 * row + i]! -= 3;
    const after = await run(changed);
    after.forEach((group, i) => {
      const assertion = i === own ? assertNotEquals : assertEquals;
      assertion(group, before[i], `row ${row}, group ${i}`);
    });
  }
});
