import { assertEquals, assertThrows } from "@std/assert";
import { backward } from "../../../tensor/backward.ts";
import { ShapeError } from "../../../tensor/errors.ts";
import { add } from "../../../tensor/ops/elementwise.ts";
import { entropy } from "../../../tensor/ops/entropy.ts";
import {
  argmax,
  logSumExp,
  max,
  mean,
  sum,
} from "../../../tensor/ops/reduce.ts";
import { cumulativeSum } from "../../../tensor/ops/scan.ts";
import { Scope } from "../../../tensor/scope.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { assertClose, EXACT, sumOf } from "../../support/close.ts";
import { deviceTest } from "../../support/devices.ts";

/** Numbers of both signs that f32 holds exactly, and no two neighbours alike. */
function waves(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7));
}

function total(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

for (const length of [100_000, 1_000_000, 1_048_577]) {
  deviceTest(`sum() of ${length} elements`, async (device) => {
    const values = waves(length);
    const x = Tensor.from(device, [length], values);
    assertClose(await sum(x).data(), [total(values)], sumOf(length));
  });
}

deviceTest("sum() of more rows than a grid has columns", async (device) => {
  const rows = 70_001;
  const values = waves(rows * 3);
  const x = Tensor.from(device, [rows, 3], values);
  const expected = Array.from(
    { length: rows },
    (_, r) => total(values.subarray(3 * r, 3 * r + 3)),
  );
  assertClose(await sum(x, { axis: 1 }).data(), expected, sumOf(3));
  const columns = [0, 1, 2].map((c) =>
    total(values.filter((_, i) => i % 3 === c))
  );
  assertClose(await sum(x, { axis: 0 }).data(), columns, sumOf(rows));
});

deviceTest("argmax() takes the first of a million in a tie", async (device) => {
  const values = new Float32Array(1_000_000).fill(-1);
  for (const place of [999_999, 500_001, 123_457]) values[place] = 7;
  const x = Tensor.from(device, [values.length], values);
  assertEquals([...await argmax(x).indices()], [123_457]);
  assertEquals([...await max(x).data()], [7]);
});

deviceTest("max() gives the gradient to the first in a tie", async (device) => {
  const x = Tensor.from(device, [2, 3], [1, 4, 4, 2, 2, 2]);
  const seed = Tensor.from(device, [2], [5, 6]);
  const [dx] = backward(max(x, { axis: 1 }), [x], { seed });
  assertEquals([...await dx!.data()], [0, 5, 0, 6, 0, 0]);
});

deviceTest("logSumExp() does not overflow", async (device) => {
  const x = Tensor.from(device, [2], [1e4, -1e4]);
  assertEquals([...await logSumExp(x).data()], [1e4]);
});

deviceTest("reductions throw for an axis that is not there", (device) => {
  const x = Tensor.from(device, [2, 0], []);
  assertThrows(() => sum(x, { axis: 2 }), ShapeError, "Cannot apply sum");
  assertThrows(() => max(x, { axis: 1 }), ShapeError, "no element");
  for (const choose of [max, argmax, logSumExp, entropy]) {
    assertThrows(() => choose(x), ShapeError, "no element to choose from");
  }
});

deviceTest("mean() over no elements is NaN", async (device) => {
  const x = Tensor.from(device, [2, 0], []);
  assertEquals([...await mean(x, { axis: 1 }).data()], [NaN, NaN]);
  assertEquals([...await mean(x).data()], [NaN]);
});

deviceTest("sum() over no elements is 0", async (device) => {
  const x = Tensor.from(device, [2, 0], []);
  assertEquals([...await sum(x, { axis: 1 }).data()], [0, 0]);
});

deviceTest("cumulativeSum() of a million indices", async (device) => {
  const values = Uint32Array.from({ length: 1_000_000 }, (_, i) => i % 3);
  const x = Tensor.from(device, [values.length], values);
  let sum = 0;
  const expected = values.map((value) => sum += value);
  assertClose(await cumulativeSum(x).indices(), expected, EXACT);
});

deviceTest("cumulativeSum() of a million numbers", async (device) => {
  const values = waves(1_000_000);
  const x = Tensor.from(device, [values.length], values);
  let sum = 0;
  const expected = Float64Array.from(values, (value) => sum += value);
  const found = await cumulativeSum(x).data();
  assertClose(found, expected, sumOf(values.length));
});

deviceTest("add() of more than 65,535 workgroups", async (device) => {
  const length = 65_536 * 64 + 3;
  const x = Tensor.from(device, [length], new Float32Array(length).fill(1));
  const [last = NaN] = (await add(x, 2).data()).subarray(-1);
  assertEquals(last, 3);
});

deviceTest("reductions in stages leave no more than in one", (device) => {
  const kept = (length: number): number[] =>
    [sum, max, argmax, logSumExp, cumulativeSum].map((op) => {
      using _scope = new Scope({ records: false });
      const x = Tensor.from(device, [length], new Float32Array(length));
      const { liveBlocks } = device.memory;
      op(x);
      return device.memory.liveBlocks - liveBlocks;
    });
  assertEquals(kept(1_048_577), kept(5));
});
