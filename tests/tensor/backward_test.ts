import {
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import {
  add,
  backward,
  exp,
  matmul,
  mul,
  reshape,
  Scope,
  ShapeError,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("backward() adds up all paths", async (device) => {
  const x = Tensor.from(device, [2], [3, 5]);
  const square = mul(x, x);
  // x³ + x² + x, with a view and a tensor used by three operations.
  const y = add(add(mul(square, x), reshape(square, [2])), x);
  const seed = Tensor.from(device, [2], [1, 10]);
  const [dx] = backward(y, [x], { seed });
  assertEquals([...await dx!.data()], [27 + 6 + 1, 10 * (75 + 10 + 1)]);
  assertEquals([...await seed.data()], [1, 10], "the seed is the caller's");
});

deviceTest("backward() stops at what is asked for", async (device) => {
  const x = Tensor.from(device, [1], [2]);
  const y = mul(x, x);
  const z = mul(y, y);
  const unrelated = Tensor.from(device, [1], [2]);
  const { launches } = device.counts;
  const [dy, none, dz] = backward(z, [y, unrelated, z]);
  // One gradient of z with respect to y, and none of y with respect to x.
  const used = device.counts.launches - launches;
  assertEquals([...await dy!.data()], [8]);
  assertEquals(none, undefined);
  assertEquals([...await dz!.data()], [1]);
  backward(z, [y, x, z]);
  assertGreater(device.counts.launches - launches, 2 * used);
});

deviceTest(
  "backward() writes into slots, zeros where nothing flows",
  async (device) => {
    const a = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
    const b = Tensor.from(device, [2, 2], [5, 6, 7, 8]);
    const unused = Tensor.from(device, [2, 2], [9, 9, 9, 9]);
    const into = [a, b, unused].map(() =>
      Tensor.from(device, [2, 2], [-1, -1, -1, -1])
    );
    const seed = Tensor.from(device, [2, 2], [1, 0, 0, 0]);
    const y = add(matmul(a, b), matmul(a, b));
    backward(y, [a, b, unused], { seed, into });
    const found = await device.read(into.map(({ storage }) => storage));
    assertEquals(found.map((bytes) => [...new Float32Array(bytes)]), [
      [10, 14, 0, 0],
      [2, 0, 4, 0],
      [0, 0, 0, 0],
    ]);
  },
);

deviceTest(
  "backward() asks for a seed when there are several results",
  (device) => {
    const x = Tensor.from(device, [2], [1, 2]);
    assertThrows(
      () => backward(exp(x), [x]),
      ShapeError,
      "Cannot apply backward to [2]: expected one element, or a seed of the same shape",
    );
  },
);

deviceTest("backward() frees its partial gradients", (device) => {
  const x = Tensor.from(device, [64], Array(64).fill(0.1));
  const out = Array.from({ length: 20 }).reduce<Tensor>((y) => exp(y), x);
  const seed = Tensor.from(device, [64], Array(64).fill(1));
  device.trim();
  const { liveBlocks, liveBytes } = device.memory;
  using _scope = new Scope();
  const [dx] = backward(out, [x], { seed });
  assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  assertLess(device.memory.peakBytes - liveBytes, 4 * 256);
  dx!.dispose();
});

deviceTest(
  "backward() goes through ten thousand operations",
  async (device) => {
    const x = Tensor.from(device, [1], [1]);
    const one = Tensor.from(device, [1], [1]);
    let y = x;
    for (let i = 0; i < 10_000; i++) y = mul(y, one);
    const [dx] = backward(y, [x]);
    assertEquals([...await dx!.data()], [1]);
  },
);
