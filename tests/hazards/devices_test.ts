import { assertEquals, assertRejects } from "@std/assert";
import {
  add,
  backward,
  concat,
  type Device,
  DeviceError,
  matmul,
  mean,
  mul,
  noGrad,
  openDevice,
  Scope,
  softmax,
  square,
  sub,
  sum,
  Tensor,
} from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";

function range(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i);
}

/** What goes wrong with memory and queues of devices, as their users tell it. */
const KINDS: Readonly<
  Record<string, (device: Device) => Promise<void>>
> = {
  "numbers are taken when they are given, from any part of a buffer": async (
    device,
  ) => {
    const memory = range(1003);
    const part = memory.subarray(1, 8);
    const x = Tensor.from(device, [7], part);
    const y = mul(x, 1);
    part.fill(-1);
    assertEquals([...await x.data(), ...await y.data()], [
      ...[1, 2, 3, 4, 5, 6, 7],
      ...[1, 2, 3, 4, 5, 6, 7],
    ]);
    const read = await x.data();
    read.fill(-1);
    assertEquals([...await x.data()], [1, 2, 3, 4, 5, 6, 7]);
    for (let length = 0; length < 10; length++) {
      const found = await Tensor.from(device, [length], range(length)).data();
      assertEquals([...found], [...range(length)]);
    }
  },

  "a thousand writes between launches each reach their own launch": async (
    device,
  ) => {
    const x = Tensor.from(device, [1], [0]);
    const seen: Tensor[] = [];
    for (let i = 0; i < 1000; i++) {
      x.write(Float32Array.of(i));
      seen.push(add(x, 0.5));
    }
    const found = await concat(seen, 0).data();
    assertEquals([...found], [...range(1000)].map((i) => i + 0.5));
  },

  "a tensor that is freed before the work is done was still read": async (
    device,
  ) => {
    const results: Tensor[] = [];
    for (let i = 0; i < 50; i++) {
      const x = Tensor.from(device, [64], new Float32Array(64).fill(i));
      results.push(mul(x, 2));
      x.dispose();
      Tensor.from(device, [64], new Float32Array(64).fill(-1)).dispose();
    }
    for (const [i, y] of results.entries()) {
      assertEquals((await y.data()).at(-1), 2 * i);
    }
  },

  "many reads at once each get their own numbers": async (device) => {
    const tensors = Array.from(
      { length: 60 },
      (_, i) => add(Tensor.from(device, [i + 1], range(i + 1)), i),
    );
    const found = await Promise.all(tensors.map((x) => x.data()));
    for (const [i, numbers] of found.entries()) {
      assertEquals([...numbers], [...range(i + 1)].map((v) => v + i));
    }
  },

  "300 steps of gradients take no more memory than the third": async (
    device,
  ) => {
    let x = Tensor.from(device, [8, 8], new Float32Array(64).fill(0.1));
    const held: [number, number][] = [];
    for (let step = 0; step < 300; step++) {
      using scope = new Scope();
      const [d] = backward(mean(square(matmul(x, x))), [x]);
      const next = noGrad(() => sub(x, d!));
      x.dispose();
      x = scope.keep(next);
      if (step % 50 === 2) await x.data();
      const { liveBytes, heldBytes } = device.memory;
      if (step % 50 === 3) held.push([liveBytes, heldBytes]);
    }
    for (const memory of held) assertEquals(memory, held[0]);
  },
};

for (const [kind, run] of Object.entries(KINDS)) deviceTest(kind, run);

for (const { kind } of devices) {
  Deno.test(`a device that was closed is opened again [${kind}]`, async () => {
    for (let i = 0; i < 3; i++) {
      using device = await openDevice(kind);
      const x = Tensor.from(device, [2], [i, 1]);
      assertEquals([...await add(x, x).data()], [2 * i, 2]);
      x.dispose();
    }
  });

  Deno.test(`two devices at once do not touch each other [${kind}]`, async () => {
    using one = await openDevice(kind);
    using _scope = new Scope();
    const found: Promise<Float32Array>[] = [];
    for (let i = 0; i < 20; i++) {
      for (const device of [one, ...devices]) {
        const x = Tensor.from(device, [3, 3], range(9).map((v) => v + i));
        found.push(sum(matmul(x, x), { axis: 0 }).data());
      }
    }
    const numbers = await Promise.all(found);
    const sets = devices.length + 1;
    for (const [i, values] of numbers.entries()) {
      assertEquals(values, numbers[i - i % sets]);
    }
  });
}

Deno.test("500 devices are opened and closed, and nothing stays", async () => {
  for (let i = 0; i < 500; i++) {
    using device = await openDevice("cpu", { threads: 1 + i % 2 });
    const x = Tensor.from(device, [1], [i]);
    assertEquals([...await x.data()], [i]);
    x.dispose();
    assertEquals(device.memory.liveBytes, 0);
  }
});

Deno.test("a device that was closed says so at each use", async () => {
  for (const { kind } of devices) {
    const device = await openDevice(kind);
    const x = Tensor.from(device, [2], [1, 2]);
    device[Symbol.dispose]();
    await assertRejects(() => x.data(), DeviceError);
    x.dispose();
  }
});

Deno.test("1 to 5 threads give the same bits", async () => {
  const found: Float32Array[] = [];
  for (let threads = 1; threads <= 5; threads++) {
    using device = await openDevice("cpu", { threads });
    using _scope = new Scope();
    const numbers = range(101 * 257).map(Math.sin);
    const x = Tensor.from(device, [101, 257], numbers);
    const w = Tensor.from(device, [257, 101], numbers);
    const y = softmax(matmul(x, w));
    const [dx, dw] = backward(sum(square(y)), [x, w]);
    const all = await Promise.all([y, dx!, dw!].map((it) => it.data()));
    found.push(Float32Array.from(all.flatMap((it) => [...it])));
  }
  for (const bits of found) assertEquals(bits, found[0]);
});
