import { assertEquals } from "@std/assert";
import { Reader } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  bytesSeeSlots,
  Intervals,
  Rng,
  slice,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const CONFIG = {
  layers: 2,
  dim: 4,
  heads: 2,
  hiddenDim: 8,
  window: 9,
  ropeTheta: 10,
};

deviceTest(
  "Reader reads the slots of the groups that units may see",
  async (device) => {
    const reader = new Reader(CONFIG, 6, { slots: 2, residual: 2 }, new Rng(1));
    placeWeights(reader, device);
    const numbers = (size: number, seed: number): Float32Array => {
      const data = new Float32Array(size);
      new Rng(seed).fillNormal(data, 1);
      return data;
    };
    const x = Tensor.from(device, [3, 4], numbers(12, 2));
    const ends = bytesSeeSlots(Uint32Array.of(0, 0, 2), 2);
    const unitsSee = Intervals.from(device, ends, 6);
    const layers: number[] = [];
    // Attention within units gives each its own value, and mixes nothing.
    const run = async (groups: Float32Array): Promise<Float32Array[]> => {
      const keysValues = reader.keysValues(Tensor.from(device, [3, 6], groups));
      assertEquals(keysValues.map(({ shape }) => shape), [[6, 8], [6, 8]]);
      const y = reader.forward(x, keysValues, unitsSee, (qkv, layer) => {
        layers.push(layer);
        return slice(qkv, [[0, 3], [8, 12]]);
      });
      const found = await y.data();
      return [0, 1, 2].map((unit) => found.slice(4 * unit, 4 * unit + 4));
    };
    const groups = numbers(18, 3);
    const before = await run(groups);
    assertEquals(layers, [0, 1]);
    const readers = [[0, 1], [], [2]];
    for (const [group, units] of readers.entries()) {
      const changed = groups.slice();
      changed[6 * group]! += 1;
      const after = await run(changed);
      const moved = [0, 1, 2].filter((unit) =>
        after[unit]!.some((value, i) => value !== before[unit]![i])
      );
      assertEquals(moved, units, `group ${group}`);
    }
  },
);
