import { assertEquals } from "@std/assert";
import {
  crossEntropy,
  cumulativeSum,
  entropy,
  layerNorm,
  linear,
  rmsNorm,
  Rng,
  type Shape,
  softmax,
  swiglu,
  Tensor,
  tokenNats,
} from "../../../tensor/mod.ts";
import { deviceTest } from "../../support/devices.ts";

const COLUMNS = 6;

/** What operations read beside their input. */
interface Beside {
  /** [COLUMNS] */
  readonly gain: Tensor;
  /** [3, COLUMNS] */
  readonly weight: Tensor;
  /** A class for each row. u32 [...] */
  readonly targets: Tensor;
}

/** Operations on rows, with columns of the result: none where a row has one. */
const OPS: readonly (readonly [
  string,
  (x: Tensor, beside: Beside) => Tensor,
  Shape,
])[] = [
  ["softmax", (x) => softmax(x), [COLUMNS]],
  ["entropy", (x) => entropy(x), []],
  ["swiglu", (x) => swiglu(x), [COLUMNS / 2]],
  ["cumulativeSum", (x) => cumulativeSum(x), [COLUMNS]],
  ["layerNorm", (x, { gain }) => layerNorm(x, gain, gain), [COLUMNS]],
  ["rmsNorm", (x, { gain }) => rmsNorm(x, gain), [COLUMNS]],
  ["linear", (x, { weight }) => linear(x, weight), [3]],
  ["tokenNats", (x, { targets }) => tokenNats(x, targets), []],
];

/** The same four rows, and one of them alone, behind other axes. */
const FRONTS: readonly Shape[] = [[4], [2, 2], [1, 4, 1]];

for (const [name, op, columns] of OPS) {
  deviceTest(`${name}() takes rows behind any axes`, async (device) => {
    const rng = new Rng(3);
    const values = Array.from({ length: 4 * COLUMNS }, () => rng.normal());
    const run = (front: Shape, numbers: readonly number[]): Tensor => {
      const rows = numbers.length / COLUMNS;
      return op(Tensor.from(device, [...front, COLUMNS], numbers), {
        gain: Tensor.from(device, [COLUMNS], values.slice(0, COLUMNS)),
        weight: Tensor.from(device, [3, COLUMNS], values.slice(COLUMNS)),
        targets: Tensor.from(
          device,
          front,
          Uint32Array.from({ length: rows }, (_, row) => row),
        ),
      });
    };
    const expected = await run([4], values).data();
    for (const front of FRONTS) {
      const found = run(front, values);
      assertEquals(found.shape, [...front, ...columns]);
      assertEquals(await found.data(), expected);
    }
    const first = run([], values.slice(0, COLUMNS));
    assertEquals(first.shape, columns);
    assertEquals(await first.data(), expected.slice(0, first.size));
  });
}

deviceTest("crossEntropy() takes rows behind any axes", async (device) => {
  const values = Array.from({ length: 4 * COLUMNS }, (_, i) => Math.sin(i));
  const losses = await Promise.all(FRONTS.map((front) => {
    const logits = Tensor.from(device, [...front, COLUMNS], values);
    // The last is masked by the number of classes.
    const targets = Uint32Array.of(0, 5, 2, COLUMNS);
    return crossEntropy(logits, Tensor.from(device, front, targets)).data();
  }));
  assertEquals(losses, FRONTS.map(() => losses[0]!));
});
