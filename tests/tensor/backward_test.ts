import {
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import {
  add,
  argmax,
  backward,
  DisposedError,
  DTypeError,
  exp,
  matmul,
  mul,
  reshape,
  Scope,
  ShapeError,
  sum,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest, otherDevice } from "../support/devices.ts";

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

deviceTest(
  "backward() fills each slot of a tensor that is asked for twice",
  async (device) => {
    const x = Tensor.from(device, [2], [1, 2]);
    const y = Tensor.from(device, [2], [5, 5]);
    const loss = sum(mul(x, x));
    const into = [2, 2, 2, 2].map(() => Tensor.from(device, [2], [9, 9]));
    const found = backward(loss, [x, y, x, y], { into });
    assertEquals(found.map((slot, i) => slot === into[i]), Array(4).fill(true));
    const values = await Promise.all(into.map((slot) => slot.data()));
    assertEquals(values.map((it) => [...it]), [[2, 4], [0, 0], [2, 4], [0, 0]]);
    const [a, b] = backward(loss, [x, x]);
    assertEquals([...await a!.data(), ...await b!.data()], [2, 4, 2, 4]);
  },
);

deviceTest(
  "backward() gives the loss and tensors on the way, also in slots",
  async (device) => {
    const x = Tensor.from(device, [], [3]);
    const y = mul(x, x);
    const z = mul(y, y);
    const into = [0, 0, 0].map(() => Tensor.from(device, [], [7]));
    backward(z, [z, y, x], { into });
    const values = await Promise.all(into.map((slot) => slot.data()));
    assertEquals(values.map(([value]) => value), [1, 18, 108]);
  },
);

deviceTest("backward() refuses seeds and slots that do not fit", (device) => {
  const x = Tensor.from(device, [2], [1, 2]);
  const y = mul(x, x);
  const make = (...shape: readonly number[]): Tensor =>
    Tensor.from(device, shape, new Float32Array(shape.reduce((a, b) => a * b)));
  const ids = Tensor.from(device, [2], Uint32Array.of(1, 1));
  const refused = (
    run: () => unknown,
    error: new (...args: never[]) => Error,
    text: string,
  ): void => void assertThrows(run, error, text);
  refused(() => backward(y, [x], { seed: ids }), DTypeError, "must be f32");
  refused(
    () => backward(y, [x], { seed: make(2, 1) }),
    ShapeError,
    "Cannot apply backward to [2] and [2, 1]: the seed must be shaped like",
  );
  refused(
    () => backward(y, [x], { seed: y, into: [ids] }),
    DTypeError,
    "must be f32",
  );
  refused(
    () => backward(y, [x], { seed: make(2), into: [make(3)] }),
    ShapeError,
    "slot 0 must be shaped like its tensor",
  );
  refused(
    () => backward(y, [x, y], { seed: make(2), into: [make(2)] }),
    TypeError,
    "expected 2, one for each tensor, got 1",
  );
  const slot = make(2);
  const seed = make(2);
  for (
    const into of [[slot, slot], [slot, slot.view()], [slot, x], [seed, slot]]
  ) {
    refused(
      () => backward(y, [x, y], { seed, into }),
      TypeError,
      "expected memory of its own",
    );
  }
  refused(() => backward(argmax(x), [x]), DTypeError, "input 0 must be f32");
  const far = Tensor.from(otherDevice, [2], [1, 1]);
  refused(() => backward(y, [x], { seed: far }), TypeError, "two devices");
  refused(
    () => backward(y, [x], { seed, into: [far] }),
    TypeError,
    "two devices",
  );
  refused(() => backward(y, [far], { seed }), TypeError, "two devices");
  far.dispose();
});

deviceTest(
  "backward() refuses slots that share a part of their memory",
  async (device) => {
    const a = Tensor.from(device, [2], [1, 2]);
    const b = Tensor.from(device, [2], [3, 4]);
    const memory = Tensor.from(device, [4], [1, 2, 3, 4]);
    const views = [memory.view([2]), memory.view([2])];
    assertThrows(
      () => backward(sum(mul(a, b)), [a, b], { into: views }),
      TypeError,
      "slot 1: expected memory of its own",
    );
    const front = memory.view([2]);
    assertThrows(
      () => backward(sum(mul(a, front)), [front], { into: [memory.view([2])] }),
      TypeError,
      "slot 0: expected memory of its own",
    );
    assertEquals([...await memory.data()], [1, 2, 3, 4]);
  },
);

deviceTest("an operation on what was freed allocates nothing", (device) => {
  const x = Tensor.from(device, [1000], new Float32Array(1000));
  x.dispose();
  const { liveBytes } = device.memory;
  assertThrows(() => add(x, 1), DisposedError);
  assertThrows(() => matmul(reshape(x, [10, 100]), x), DisposedError);
  assertEquals(device.memory.liveBytes, liveBytes);
});
