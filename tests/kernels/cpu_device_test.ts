import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  copyKernel,
  CpuDevice,
  DeviceError,
  matmulKernel,
  narrowKernel,
} from "../../kernels/mod.ts";

Deno.test("CpuDevice says how many threads it has", () => {
  using one = new CpuDevice({ threads: 1 });
  using three = new CpuDevice({ threads: 3 });
  assertEquals(one.description, "processor, 1 thread");
  assertEquals(three.description, "processor, 3 threads");
  using all = new CpuDevice();
  assertMatch(all.description, /^processor, \d+ threads?$/);
});

Deno.test("CpuDevice keeps numbers while its memory grows", async () => {
  using device = new CpuDevice({ threads: 1 });
  const first = device.allocate(8);
  device.write(first, Float32Array.of(1, 2));
  // Far more than the memory has at first.
  const large = device.allocate(64 * 2 ** 20);
  const out = device.allocate(8);
  device.launch(copyKernel, { x: first, out }, { length: 2 });
  const [bytes] = await device.read([out]);
  assertEquals([...new Float32Array(bytes!)], [1, 2]);
  assertEquals(device.memory.liveBlocks, 3);
  device.free(large);
  assertEquals(device.memory.liveBytes, 512);
  assertEquals(device.memory.peakBytes, 512 + 64 * 2 ** 20);
});

Deno.test("CpuDevice counts what it did", async () => {
  using device = new CpuDevice({ threads: 1 });
  const [a, b, c] = [1, 2, 3].map(() => device.allocate(64));
  const sizes = { batch: 1, m: 4, n: 4, k: 4 };
  const buffers = { a: a!, b: b!, c: c!, bias: a!, base: a!, pre: a! };
  device.launch(matmulKernel(), buffers, sizes);
  device.launch(matmulKernel(), buffers, sizes);
  await device.read([a!, b!]);
  device.submit();
  await device.idle();
  assertEquals(device.counts, {
    launches: 2,
    submits: 0,
    waits: 1,
    blocks: 3,
    bindGroups: 0,
    pipelines: 1,
  });
  device.free(a!);
  assertEquals(device.allocate(1).block.id, a!.block.id, "reused");
  assertEquals(device.counts.blocks, 3);
});

Deno.test("CpuDevice refuses buffers of f16", () => {
  using device = new CpuDevice({ threads: 1 });
  assertEquals(device.halves, false);
  const [x, out] = [device.allocate(16), device.allocate(8)];
  assertThrows(
    () => device.launch(narrowKernel, { x, out }, { length: 4 }),
    DeviceError,
    "Cannot launch narrow on the processor: expected buffers of f32 and u32, got f16 for out",
  );
  const buffers = { a: x, b: x, c: x, bias: x, base: x, pre: x };
  const sizes = { batch: 1, m: 2, n: 2, k: 2 };
  assertThrows(
    () => device.launch(matmulKernel({ halfB: true }), buffers, sizes),
    DeviceError,
    "got f16 for b",
  );
});

Deno.test("CpuDevice says that memory ran out, and goes on", () => {
  using device = new CpuDevice({ threads: 1 });
  const before = device.memory;
  assertThrows(
    () => device.allocate(5 * 2 ** 30),
    DeviceError,
    "Cannot allocate 5368709120 bytes on the processor: 0 bytes are in use, 64 held, and at most 4294967296 can be; use a smaller batch, context or model",
  );
  assertEquals(device.memory, before);
  const storage = device.allocate(8);
  device.write(storage, Float32Array.of(1, 2));
});

Deno.test("CpuDevice says that it was closed", async () => {
  const device = new CpuDevice({ threads: 1 });
  const storage = device.allocate(8);
  device[Symbol.dispose]();
  await assertRejects(
    () => device.read([storage]),
    DeviceError,
    "Cannot read from the processor: it was closed",
  );
});

Deno.test("CpuDevice.trim() starts the peak anew", () => {
  using device = new CpuDevice({ threads: 1 });
  device.free(device.allocate(4096));
  assertEquals(device.memory.peakBytes, 4096);
  device.trim();
  assertEquals(device.memory.peakBytes, 0);
});
