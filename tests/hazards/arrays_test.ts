import { assert, assertEquals } from "@std/assert";
import {
  add,
  argmax,
  backward,
  broadcastTo,
  concat,
  crossEntropy,
  cumulativeSum,
  type Device,
  dropout,
  embedding,
  entropy,
  GatherIndex,
  layerNorm,
  linear,
  log,
  logSumExp,
  matmul,
  max,
  mul,
  permute,
  rmsNorm,
  Scope,
  slice,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

/** A tensor of one number over and over. */
function filled(
  device: Device,
  shape: readonly number[],
  value: number,
): Tensor {
  return broadcastTo(Tensor.from(device, [], [value]), shape);
}

function range(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i);
}

/** What goes wrong in tensor engines, as their users tell it. */
const KINDS: Readonly<
  Record<string, (device: Device) => void | Promise<void>>
> = {
  "a sum of ten million ones is exact": async (device) => {
    const ones = filled(device, [10_000_000], 1);
    assertEquals([...await sum(ones).data()], [1e7]);
  },

  "a product over 100,003 terms has all of them": async (device) => {
    const length = 100_003;
    const a = Tensor.from(device, [1, length], range(length).map((i) => i % 4));
    const b = filled(device, [length, 3], 1);
    const expected = 25_000 * 6 + 0 + 1 + 2;
    assertEquals([...await matmul(a, b).data()], Array(3).fill(expected));
    const weight = filled(device, [2, length], 1);
    assertEquals([...await linear(a, weight).data()], [expected, expected]);
  },

  "norms, softmax and products of 65,537 rows reach the last": async (
    device,
  ) => {
    const rows = 65_537;
    const numbers = range(2 * rows).map((i) => i % 2 === 0 ? i % 7 : 8);
    const x = Tensor.from(device, [rows, 2], numbers);
    const one = filled(device, [2], 1);
    const unit = Tensor.from(device, [2, 2], [1, 0, 0, 1]);
    const last = numbers.subarray(-2);
    const few = Tensor.from(device, [1, 2], last);
    for (
      const f of [
        softmax,
        (x: Tensor) => layerNorm(x, one),
        (x: Tensor) => rmsNorm(x, one),
        (x: Tensor) => matmul(x, unit),
      ]
    ) {
      const alone = await f(few).data();
      assertClose((await f(x).data()).subarray(-2), alone, ELEMENTWISE);
    }
  },

  "rows of 70,001 numbers have a softmax, norms and losses": async (device) => {
    const columns = 70_001;
    const size = 2 * columns;
    const zeros = Tensor.from(device, [2, columns], new Float32Array(size));
    const [share] = await softmax(zeros).data();
    assertClose([share!], [1 / columns], ELEMENTWISE);
    assertClose(await entropy(zeros).data(), [0, 0].fill(Math.log(columns)), {
      absolute: 0,
      relative: 1e-6,
    });
    const targets = Tensor.from(device, [2], Uint32Array.of(columns - 1, 0));
    const loss = crossEntropy(zeros, targets);
    assertClose(await loss.data(), [Math.log(columns)], ELEMENTWISE);
    const [d] = backward(loss, [zeros]);
    const found = await d!.data();
    const ends = [0, columns - 1, columns, size - 1].map((i) => found[i]!);
    const [other, right] = [0.5 / columns, (1 / columns - 1) / 2];
    assertClose(ends, [other, right, right, other], ELEMENTWISE);

    const signs = range(size).map((i) => i % columns % 2 === 0 ? 1 : -1);
    const x = Tensor.from(device, [2, columns], signs);
    const gain = filled(device, [columns], 3);
    for (const f of [layerNorm, rmsNorm]) {
      const y = f(x, gain);
      const mean = f === layerNorm ? 1 / columns : 0;
      const [first, second] = await y.data();
      assertClose([first!, second!], [3 * (1 - mean), -3 * (1 + mean)], {
        absolute: 0,
        relative: 1e-5,
      });
      const [dGain] = backward(sum(mul(y, x)), [gain]);
      const [dFirst] = await dGain!.data();
      assertClose([dFirst!], [2 * (1 - mean)], { absolute: 0, relative: 1e-5 });
    }
  },

  "an index above 2^24 is exact": async (device) => {
    const length = 2 ** 24 + 3;
    const numbers = new Float32Array(length);
    numbers[2 ** 24 + 1] = 5;
    const x = Tensor.from(device, [length], numbers);
    assertEquals([...await argmax(x).indices()], [2 ** 24 + 1]);
    const end = slice(x, [[2 ** 24 + 1, length]]);
    assertEquals([...await end.data()], [5, 0]);
    const ids = Tensor.from(device, [2], Uint32Array.of(2 ** 24 + 1, 2));
    const copied = concat([ids, slice(ids, [[0, 1]])], 0);
    assertEquals(
      [...await cumulativeSum(copied).indices()],
      [2 ** 24 + 1, 2 ** 24 + 3, 2 ** 25 + 4],
    );
  },

  "a gather whose indices repeat adds up its gradients, and the same bits each time":
    async (device) => {
      const uses = 70_000;
      const ids = Uint32Array.from({ length: uses }, (_, i) => i % 10 ? 1 : 3);
      using index = GatherIndex.from(device, ids, { rows: 5 });
      const table = Tensor.from(device, [5, 1], [1, 2, 3, 4, 5]);
      const factor = Tensor.from(device, [uses, 1], range(uses).map(Math.sin));
      const gradients = (weight?: Tensor): Promise<Float32Array> => {
        const rows = embedding(table, index);
        const loss = sum(weight ? mul(rows, weight) : rows);
        return backward(loss, [table])[0]!.data();
      };
      const counts = [0, uses * 0.9, 0, uses * 0.1, 0];
      assertEquals([...await gradients()], counts);
      const once = await gradients(factor);
      for (let i = 0; i < 5; i++) assertEquals(await gradients(factor), once);
    },

  "the mean square of large neighbours does not cancel out": async (device) => {
    // E[x²] - E[x]² would have lost all digits.
    const offset = 2 ** 20;
    const row = [-1, 1, -1, 1].map((d) => offset + d);
    const x = Tensor.from(device, [1, 4], row);
    const y = layerNorm(x, filled(device, [4], 1), undefined, { eps: 0 });
    assertClose(await y.data(), [-1, 1, -1, 1], ELEMENTWISE);
  },

  "a constant row, also of zeros, has a norm and finite gradients": async (
    device,
  ) => {
    const x = Tensor.from(device, [3, 5], range(15).map((i) => i < 10 ? 7 : 0));
    const gain = filled(device, [5], 2);
    const y = layerNorm(x, gain);
    assertEquals([...await y.data()], Array(15).fill(0));
    for (const f of [layerNorm, rmsNorm]) {
      const [dx] = backward(sum(square(f(x, gain))), [x]);
      assert((await dx!.data()).every(Number.isFinite), f.name);
    }
  },

  "rows and axes of length 1 keep their numbers": async (device) => {
    const x = Tensor.from(device, [3, 1], [-2, 0, 1e30]);
    assertEquals([...await softmax(x).data()], [1, 1, 1]);
    assertEquals([...await logSumExp(x, { axis: 1 }).data()], [
      ...await x.data(),
    ]);
    assertEquals([...await max(x, { axis: 1 }).data()], [...await x.data()]);
    assertEquals([...await argmax(x, { axis: 1 }).indices()], [0, 0, 0]);
    assertEquals([...await cumulativeSum(x).data()], [...await x.data()]);
    const [dx] = backward(sum(softmax(x)), [x]);
    assertEquals([...await dx!.data()], [0, 0, 0]);
    const only = Tensor.from(device, [3], new Uint32Array(3));
    assertEquals([...await crossEntropy(x, only).data()], [0]);
  },

  "axes of 0 give empty results, sums of 0 and gradients of 0": async (
    device,
  ) => {
    const wide = Tensor.from(device, [0, 3], []);
    const thin = Tensor.from(device, [2, 0], []);
    const gain = Tensor.from(device, [3], [1, 2, 3]);
    for (const f of [softmax, (x: Tensor) => layerNorm(x, gain)]) {
      const y = f(wide);
      assertEquals([y.shape, [...await y.data()]], [[0, 3], []]);
    }
    const empty = Tensor.from(device, [0, 2], []);
    assertEquals([...await matmul(thin, empty).data()], [0, 0, 0, 0]);
    assertEquals(matmul(empty, thin).shape, [0, 0]);
    const both = concat([wide, Tensor.from(device, [1, 3], [4, 5, 6])], 0);
    assertEquals([...await both.data()], [4, 5, 6]);
    const [dGain] = backward(sum(layerNorm(wide, gain)), [gain]);
    assertEquals([...await dGain!.data()], [0, 0, 0]);
    using none = GatherIndex.from(device, new Uint32Array(), { rows: 1 });
    const table = Tensor.from(device, [1, 3], [1, 2, 3]);
    const [dTable] = backward(sum(embedding(table, none)), [table]);
    assertEquals([...await dTable!.data()], [0, 0, 0]);
  },

  "a certain answer costs nothing, and an impossible one no NaN": async (
    device,
  ) => {
    const logits = Tensor.from(device, [2, 2], [1e30, -1e30, 200, -200]);
    const right = Tensor.from(device, [2], Uint32Array.of(0, 0));
    const loss = crossEntropy(logits, right);
    assertEquals([...await loss.data()], [0]);
    const [none] = backward(loss, [logits]);
    assertEquals([...await none!.data()], [0, 0, 0, 0]);
    const wrong = Tensor.from(device, [2], Uint32Array.of(0, 1));
    const cost = crossEntropy(logits, wrong);
    assertEquals([...await cost.data()], [200]);
    const [d] = backward(cost, [logits]);
    assertEquals([...await d!.data()], [0, 0, 0.5, -0.5]);
  },

  "a maximum of negative numbers is not 0": async (device) => {
    const numbers = range(5000).map((i) => -1e30 - i * 1e26);
    const x = Tensor.from(device, [2, 2500], numbers);
    const largest = [numbers[0]!, numbers[2500]!];
    assertEquals([...await max(x, { axis: 1 }).data()], largest);
    assertEquals([...await argmax(x, { axis: 1 }).indices()], [0, 0]);
    const all = await softmax(x).data();
    assertEquals([all[0], all[1], all[2500]], [1, 0, 1]);
  },

  "eight axes are turned and cut": async (device) => {
    const x = Tensor.from(device, Array(8).fill(2), range(256));
    const turned = permute(x, [4, 5, 6, 7, 0, 1, 2, 3]);
    const expected = [...range(256)].map((i) => i % 16 * 16 + (i >> 4));
    assertEquals([...await turned.data()], expected);
    const last = slice(turned, Array(8).fill([1, 2]));
    assertEquals([last.shape, [...await last.data()]], [
      Array(8).fill(1),
      [255],
    ]);
    const [dx] = backward(sum(last), [x]);
    assertEquals([...await dx!.data()], [...Array(255).fill(0), 1]);
  },

  "a hundred tensors are joined, each with its gradient": async (device) => {
    const parts = Array.from(
      { length: 100 },
      (_, i) => Tensor.from(device, [1, i % 4], range(i % 4).map(() => i)),
    );
    const joined = concat(parts, 1);
    const expected = parts.flatMap(({ size }, i) => Array(size).fill(i));
    assertEquals([...await joined.data()], expected);
    const gradients = backward(sum(square(joined)), parts);
    for (const i of [0, 3, 63, 99]) {
      const found = await gradients[i]!.data();
      assertEquals([...found], Array(i % 4).fill(2 * i));
    }
  },

  "gradients are there when few of many parameters are asked for": async (
    device,
  ) => {
    const [a, b, c] = [1, 2, 3].map((i) => filled(device, [2, 2], i));
    const loss = (): Tensor => sum(matmul(square(matmul(a!, b!)), c!));
    const all = backward(loss(), [a!, b!, c!]);
    for (const [i, x] of [a!, b!, c!].entries()) {
      const [d] = backward(loss(), [x]);
      assertEquals(await d!.data(), await all[i]!.data());
    }
  },

  "a root of 0 and a logarithm of 0 that are not used harm no gradient": async (
    device,
  ) => {
    const x = Tensor.from(device, [2], [0, 4]);
    const used = slice(x, [[1, 2]]);
    const [dx] = backward(sum(add(sqrt(used), log(used))), [x]);
    assertEquals([...await dx!.data()], [0, 0.5]);
  },

  "a dropout of 0 changes nothing": async (device) => {
    const x = Tensor.from(device, [3], [1, -2, 3]);
    const key = Tensor.from(device, [2], Uint32Array.of(1, 2));
    const y = dropout(x, { rate: 0, key, stream: 0 });
    assertEquals([...await y.data()], [1, -2, 3]);
    const [dx] = backward(sum(y), [x]);
    assertEquals([...await dx!.data()], [1, 1, 1]);
  },

  "a hundred shapes in turn, some met before, are all right": async (
    device,
  ) => {
    for (let i = 0; i < 100; i++) {
      using _step = new Scope();
      const [rows, inner, columns] = [1 + i % 7, 1 + i % 11, 1 + i % 13];
      const a = filled(device, [rows, inner], 2);
      const b = filled(device, [inner, columns], 3);
      const expected = Array(rows * columns).fill(6 * inner);
      assertEquals([...await matmul(a, b).data()], expected);
    }
  },

  "a scalar is spread over both sides, and its gradient is one number": async (
    device,
  ) => {
    const row = Tensor.from(device, [1, 3], [1, 2, 3]);
    const column = Tensor.from(device, [2, 1], [10, 20]);
    const s = Tensor.from(device, [], [2]);
    const y = mul(sub(column, row), s);
    assertEquals([y.shape, [...await y.data()]], [[2, 3], [
      ...[18, 16, 14, 38, 36, 34],
    ]]);
    const [ds, dRow, dColumn] = backward(sum(y), [s, row, column]);
    const found = [ds, dRow, dColumn].map((d) => d!.shape);
    assertEquals(found, [[], [1, 3], [2, 1]]);
    assertEquals([...await ds!.data()], [78]);
    assertEquals([...await dRow!.data()], [-4, -4, -4]);
    assertEquals([...await dColumn!.data()], [6, 6]);
  },
};

for (const [kind, run] of Object.entries(KINDS)) deviceTest(kind, run);
