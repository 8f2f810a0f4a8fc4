import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  DisposedError,
  ShapeError,
  Tensor,
  uploadTo,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("Tensor.from() keeps shape, type and numbers", async (device) => {
  const x = Tensor.from(device, [2, 3], [1, 2, 3, 4, 5, 6.5]);
  assertEquals([x.shape, x.dtype, x.size], [[2, 3], "f32", 6]);
  assertEquals([...await x.data()], [1, 2, 3, 4, 5, 6.5]);
  const ids = Tensor.from(device, [2], Uint32Array.of(7, 2 ** 32 - 1));
  assertEquals(ids.dtype, "u32");
  assertEquals([...await ids.indices()], [7, 2 ** 32 - 1]);
  const scalar = Tensor.from(device, [], [3]);
  assertEquals([...await scalar.data()], [3]);
  const none = Tensor.from(device, [0, 4], []);
  assertEquals([...await none.data()], []);
});

deviceTest("uploadTo() fills the tensors that it is given", async (device) => {
  const x = Tensor.empty(device, [2]);
  const asked: unknown[] = [];
  const filled = uploadTo((_, shape, dtype) => {
    asked.push(shape, dtype);
    return x;
  }, () => Tensor.from(device, [2], [1, 2]));
  assertStrictEquals(filled, x);
  assertEquals(asked, [[2], "f32"]);
  assertEquals([...await x.data()], [1, 2]);
  assertThrows(
    () =>
      uploadTo(() => x, () => {
        throw new SyntaxError("planted");
      }),
    SyntaxError,
    "planted",
  );
  assertThrows(
    () => uploadTo(() => x, () => Tensor.from(device, [3], [5, 6, 7])),
    ShapeError,
    "[2]",
  );
  Tensor.from(device, [2], [3, 4]);
  assertEquals([...await x.data()], [1, 2]);
});

deviceTest("Tensor.from() names a wrong number of numbers", (device) => {
  const { liveBlocks } = device.memory;
  assertThrows(
    () => Tensor.from(device, [2, 3], [1]),
    RangeError,
    "Cannot make a tensor of shape [2, 3]: expected 6 numbers, got 1",
  );
  assertEquals(device.memory.liveBlocks, liveBlocks);
});

deviceTest("Tensor.write() replaces all numbers or none", async (device) => {
  const x = Tensor.from(device, [2], [1, 2]);
  x.write(Float32Array.of(3, 4));
  assertThrows(
    () => x.write(Float32Array.of(5)),
    RangeError,
    "Cannot write to a tensor of shape [2]: expected 2 numbers, got 1",
  );
  assertEquals([...await x.data()], [3, 4]);
});

deviceTest(
  "Tensor.view() shares memory, freed with the last",
  async (device) => {
    const { liveBlocks } = device.memory;
    const x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
    const y = x.view([4]);
    assertEquals(device.memory.liveBlocks, liveBlocks + 1);
    x.dispose();
    x.dispose();
    assertEquals([...await y.data()], [1, 2, 3, 4]);
    y.dispose();
    assertEquals(device.memory.liveBlocks, liveBlocks);
  },
);

deviceTest(
  "Tensor names itself when used after it was freed",
  async (device) => {
    const x = Tensor.from(device, [2, 3], [1, 2, 3, 4, 5, 6]);
    x.dispose();
    const message = "Cannot use a tensor of shape [2, 3]: its memory was freed";
    assertThrows(() => x.storage, DisposedError, message);
    assertThrows(() => x.view([6]), DisposedError, message);
    assertThrows(() => x.write(new Float32Array(6)), DisposedError, message);
    await assertRejects(() => x.data(), DisposedError, message);
  },
);

deviceTest("Tensor.borrow() leaves the memory to its owner", async (device) => {
  const storage = device.allocate(8);
  const { liveBlocks } = device.memory;
  using x = Tensor.borrow(device, [2], storage);
  x.write(Float32Array.of(1, 2));
  x.dispose();
  assertEquals(device.memory.liveBlocks, liveBlocks);
  const [bytes] = await device.read([storage]);
  assertEquals([...new Float32Array(bytes!)], [1, 2]);
  device.free(storage);
});
