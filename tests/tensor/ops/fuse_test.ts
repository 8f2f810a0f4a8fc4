import { assertEquals, assertThrows } from "@std/assert";
import { constant } from "../../../kernels/expression.ts";
import { backward } from "../../../tensor/backward.ts";
import { ShapeError } from "../../../tensor/errors.ts";
import { fuse } from "../../../tensor/ops/fuse.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { deviceTest } from "../../support/devices.ts";

const scaled = fuse("scaled", (x, y) => x.mul(y));

deviceTest("fuse() compiles nothing for another number", async (device) => {
  const x = Tensor.from(device, [3], [1, 2, 3]);
  await scaled(x, 2).data();
  const { pipelines } = device.counts;
  assertEquals([...await scaled(x, -3).data()], [-3, -6, -9]);
  assertEquals(device.counts.pipelines, pipelines);
});

deviceTest("fuse() launches one kernel for all gradients", (device) => {
  const x = Tensor.from(device, [4], [1, 2, 3, 4]);
  const y = Tensor.from(device, [4], [1, 2, 3, 4]);
  const out = scaled(x, y);
  const { launches } = device.counts;
  backward(out, [x, y], { seed: x });
  assertEquals(device.counts.launches - launches, 1);
});

deviceTest("fuse() splits gradients of many operands", async (device) => {
  const values = [2, 3, 5, 7, 11, 13];
  const product = fuse(
    "product6",
    (a, b, c, d, e, f) => a.mul(b).mul(c).mul(d).mul(e).mul(f),
  );
  const inputs = values.map((value) => Tensor.from(device, [1], [value]));
  const grads = backward(product(...inputs), inputs);
  for (const [i, grad] of grads.entries()) {
    assertEquals([...await grad!.data()], [30030 / values[i]!]);
  }
});

deviceTest("fuse() leaves out gradients that are zero", (device) => {
  const x = Tensor.from(device, [1], [1]);
  const step = fuse("step", (x) => x.greater(0));
  assertEquals(backward(step(x), [x]), [undefined]);
});

deviceTest("fuse() stays finite where one branch is not", async (device) => {
  const x = Tensor.from(device, [3], [-1, 0, 4]);
  const root = fuse("safe", (x) => x.greater(0).select(x.sqrt(), constant(0)));
  const y = root(x);
  assertEquals([...await y.data()], [0, 0, 2]);
  const seed = Tensor.from(device, [3], [1, 1, 1]);
  const [dx] = backward(y, [x], { seed });
  assertEquals([...await dx!.data()], [0, 0, 0.25]);
});

deviceTest("fuse() throws for operands that do not fit", (device) => {
  const x = Tensor.from(device, [2], [1, 2]);
  const y = Tensor.from(device, [3], [1, 2, 3]);
  assertThrows(() => scaled(x, y), ShapeError, "Cannot apply scaled to [2]");
  assertThrows(
    () => scaled(1, 2),
    TypeError,
    "expected 2 operands with a tensor among them, got 2 with 0",
  );
  assertThrows(() => scaled(x), TypeError, "got 1 with 1");
});
