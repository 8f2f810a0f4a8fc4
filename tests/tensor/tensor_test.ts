import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  argmax,
  DisposedError,
  DTypeError,
  reshape,
  ShapeError,
  sum,
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
  assertThrows(
    () =>
      uploadTo(() => x, () => Tensor.from(device, [2], Uint32Array.of(5, 6))),
    DTypeError,
    "f32 and u32",
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

deviceTest("Tensor refuses what is no shape", (device) => {
  const { liveBlocks } = device.memory;
  for (
    const shape of [
      [-1],
      [-2, -2],
      [1.5, 2],
      [NaN],
      [Infinity],
      [2, -Infinity],
      [0, NaN],
      [2 ** 32],
      [0, 2 ** 32],
      [2 ** 16, 2 ** 16],
      [1e200, 1e200],
    ]
  ) {
    for (
      const make of [
        () => Tensor.empty(device, shape),
        () => Tensor.empty(device, shape, "u32"),
        () => Tensor.from(device, shape, [1, 2, 3, 4]),
      ]
    ) {
      assertThrows(
        make,
        RangeError,
        `Cannot make a tensor of shape [${shape.join(", ")}]: expected axes`,
      );
    }
  }
  assertEquals(device.memory.liveBlocks, liveBlocks);
  const x = Tensor.from(device, [4], [1, 2, 3, 4]);
  for (const shape of [[-2, -2], [-1, -1], [NaN], [8, 0.5], [-4], [0, -1]]) {
    assertThrows(() => reshape(x, shape), Error, "Cannot");
    assertThrows(() => x.view(shape), Error, "Cannot");
  }
});

deviceTest("Tensor keeps numbers and indices apart", async (device) => {
  const x = Tensor.from(device, [2], [1, 5]);
  const place = argmax(x);
  await assertRejects(
    () => place.data(),
    DTypeError,
    "Cannot apply data to u32: expected f32; read it by indices()",
  );
  await assertRejects(
    () => x.indices(),
    DTypeError,
    "Cannot apply indices to f32: expected u32; read it by data()",
  );
  assertThrows(
    () => x.write(Uint32Array.of(1, 2)),
    DTypeError,
    "Cannot apply write to f32: expected a Float32Array, got Uint32Array",
  );
  const ids = Tensor.from(device, [2], Uint32Array.of(7, 8));
  for (
    const data of [Float32Array.of(1, 2), Int32Array.of(1, 2), [1, 2], "ab"]
  ) {
    assertThrows(
      () => ids.write(data as unknown as Uint32Array),
      DTypeError,
      "Cannot apply write to u32: expected a Uint32Array, got",
    );
  }
  assertEquals([...await ids.indices()], [7, 8]);
});

deviceTest(
  "Tensor.view() has as many elements as its shape",
  async (device) => {
    const x = Tensor.from(device, [64], new Float32Array(64).fill(1));
    Tensor.from(device, [64], new Float32Array(64).fill(1e6));
    for (const shape of [[200], [65], [8, 9], [2 ** 31]]) {
      assertThrows(
        () => x.view(shape),
        ShapeError,
        `Cannot apply view to [${
          shape.join(", ")
        }]: expected at most 64 elements, as many as there are`,
      );
    }
    const few = x.view([2, 3]);
    assertEquals((await few.data()).length, 6);
    assertEquals([...await sum(few).data()], [6]);
    assertThrows(() => few.view([7]), ShapeError, "at most 6 elements");
    few.write(new Float32Array(6).fill(3));
    assertEquals((await x.data()).indexOf(1), 6);
    assertEquals([...await x.view([0, 5]).data()], []);
  },
);

deviceTest(
  "Tensor.borrow() keeps to the memory that it is given",
  async (device) => {
    const storage = device.allocate(16);
    assertThrows(
      () => Tensor.borrow(device, [5], storage),
      ShapeError,
      "Cannot apply borrow to [5]: expected at most 4 elements",
    );
    using part = Tensor.borrow(device, [3], storage);
    part.write(Float32Array.of(1, 2, 3));
    assertEquals([...await part.data()], [1, 2, 3]);
    device.free(storage);
  },
);

deviceTest(
  "Tensor keeps its shape when the caller's array changes",
  (device) => {
    const shape = [2];
    const x = Tensor.from(device, shape, [1, 2]);
    shape[0] = 200;
    assertEquals([...x.shape], [2]);
    assertEquals([...x.view().shape], [2]);
  },
);
