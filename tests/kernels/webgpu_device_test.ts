import {
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  copyKernel,
  defineKernel,
  type Device,
  DeviceError,
  fillKernel,
  type Kernel,
  openDevice,
} from "../../kernels/mod.ts";
import { deviceClass } from "../../kernels/webgpu_device.ts";
import { devices } from "../support/devices.ts";

/** A test on a WebGPU device of its own, which it may break. */
function webgpuTest(
  name: string,
  run: (device: Device) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: devices.length < 2,
    async fn(): Promise<void> {
      using device = await openDevice("webgpu");
      await run(device);
    },
  });
}

/** out = `value`, a piece of WGSL. */
function planted(name: string, value: string): Kernel<"out", "length"> {
  return defineKernel({
    name,
    reads: {},
    writes: { out: "f32" },
    sizes: ["length"],
    wgsl: { items: ({ length }) => length, body: `out[id] = ${value};` },
    define: (): void => {},
    cost: () => ({ bytes: 0, flops: 0 }),
  });
}

async function numbers(
  device: Device,
  ...of: Parameters<Device["read"]>[0]
): Promise<number[]> {
  const found = await device.read(of);
  return found.flatMap((bytes) => [...new Float32Array(bytes)]);
}

webgpuTest("WebgpuDevice submits once, at the read", async (device) => {
  const [x, out] = [device.allocate(8), device.allocate(8)];
  device.write(x, Float32Array.of(1, 2));
  for (let i = 0; i < 100; i++) {
    device.launch(copyKernel, { x, out }, { length: 2 });
  }
  assertEquals(device.counts.submits, 0);
  assertEquals(await numbers(device, out, x), [1, 2, 1, 2]);
  assertEquals(device.counts, {
    launches: 100,
    submits: 1,
    waits: 1,
    blocks: 2,
    bindGroups: 1,
    pipelines: 1,
  });
});

webgpuTest(
  "WebgpuDevice keeps writes in order with launches",
  async (device) => {
    const [x, first, second] = [8, 8, 8].map((bytes) => device.allocate(bytes));
    device.write(x!, Float32Array.of(1, 2));
    device.launch(copyKernel, { x: x!, out: first! }, { length: 2 });
    device.write(x!, Float32Array.of(3, 4));
    device.launch(copyKernel, { x: x!, out: second! }, { length: 2 });
    device.write(x!, new Float32Array());
    assertEquals(await numbers(device, first!, second!), [1, 2, 3, 4]);
  },
);

webgpuTest(
  "WebgpuDevice names the kernel that WebGPU rejected",
  async (device) => {
    for (
      const [at, value] of [["read", "1.0 +"], ["idle", "nowhere[id]"]] as const
    ) {
      using other = await openDevice("webgpu");
      const out = other.allocate(8);
      other.launch(planted(`broken_${at}`, value), { out }, { length: 2 });
      const error = await assertRejects(
        () => at === "read" ? other.read([out]) : other.idle(),
        DeviceError,
        "Cannot go on: WebGPU rejected a command",
      );
      assertStringIncludes((error as Error).message, `broken_${at}`);
      assertThrows(() => other.submit(), DeviceError, `broken_${at}`);
    }
    // Another device is not concerned.
    const out = device.allocate(8);
    device.launch(planted("sound", "7.0"), { out }, { length: 2 });
    assertEquals(await numbers(device, out), [7, 7]);
  },
);

webgpuTest("WebgpuDevice refuses what it cannot hold", async (device) => {
  const before = device.memory;
  const error = assertThrows(() => device.allocate(2 ** 40), DeviceError);
  assertMatch(
    error.message,
    /^Cannot allocate 1099511627776 bytes: ".+" binds at most \d+; use a smaller batch, context or model$/,
  );
  assertEquals(device.memory, before);
  const out = device.allocate(8);
  device.launch(fillKernel, { out }, { length: 2, value: 1 });
  assertEquals(await numbers(device, out), [1, 1]);
});

webgpuTest("WebgpuDevice says that it was closed", async (device) => {
  const out = device.allocate(8);
  device.launch(fillKernel, { out }, { length: 2, value: 1 });
  device[Symbol.dispose]();
  await assertRejects(() => device.read([out]), DeviceError);
});

webgpuTest("WebgpuDevice.trim() gives free memory back", async (device) => {
  const [kept, freed] = [device.allocate(1024), device.allocate(1024)];
  device.launch(fillKernel, { out: freed }, { length: 2, value: 5 });
  device.launch(copyKernel, { x: freed, out: kept }, { length: 2 });
  device.free(freed);
  assertEquals(device.memory.heldBytes, 2048);
  device.trim();
  assertEquals(device.memory.heldBytes, 1024);
  assertEquals((await numbers(device, kept)).slice(0, 2), [5, 5]);
  const again = device.allocate(1024);
  device.launch(copyKernel, { x: kept, out: again }, { length: 2 });
  assertEquals((await numbers(device, again)).slice(0, 2), [5, 5]);
});

webgpuTest(
  "WebgpuDevice keeps no more free than was in use",
  async (device) => {
    const kept = device.allocate(1024);
    const [megabyte, spare] = [2 ** 20, 2 ** 28];
    for (let size = 20; size <= 120; size += 10) {
      const storage = device.allocate(size * megabyte);
      device.launch(fillKernel, { out: storage }, { length: 2, value: size });
      device.launch(copyKernel, { x: storage, out: kept }, { length: 2 });
      device.free(storage);
      assertLess(device.memory.heldBytes, spare + 129 * megabyte);
    }
    assertEquals((await numbers(device, kept)).slice(0, 2), [120, 120]);
  },
);

webgpuTest(
  "WebgpuDevice runs more work than one axis of a grid",
  async (device) => {
    const length = 65_535 * 64 + 70;
    const out = device.allocate(4 * length);
    device.launch(fillKernel, { out }, { length, value: 1 });
    const [bytes] = await device.read([out]);
    const sum = new Float32Array(bytes!).reduce((sum, value) => sum + value, 0);
    assertEquals(sum, length);
  },
);

webgpuTest("WebgpuDevice launches nothing for no items", async (device) => {
  const out = device.allocate(4);
  device.write(out, Float32Array.of(3));
  device.launch(fillKernel, { out }, { length: 0, value: 1 });
  assertEquals(await numbers(device, out), [3]);
  assertEquals(device.counts.submits, 0);
  assertInstanceOf(await device.read([]), Array);
});

webgpuTest("WebgpuDevice has halves if its adapter has", async (device) => {
  const adapter = await navigator.gpu.requestAdapter();
  assertEquals(device.halves, adapter!.features.has("shader-f16"));
});

Deno.test("deviceClass() knows adapters by what they say of themselves", () => {
  const cases: [Partial<GPUAdapterInfo>, string][] = [
    [
      { vendor: "mesa", description: "llvmpipe (LLVM 15.0, 256 bits)" },
      "software",
    ],
    [{ description: "Microsoft Basic Render Driver" }, "software"],
    [{ vendor: "nvidia", isFallbackAdapter: true }, "software"],
    [{ vendor: "4318", description: "H200" }, "nvidia"],
    [{ description: "NVIDIA GeForce RTX 4090" }, "nvidia"],
    [{ vendor: "apple", device: "metal-3" }, "apple"],
    [{ description: "AMD Radeon RX 7900" }, "amd"],
    [{ vendor: "32902" }, "intel"],
    [{ description: "Mali-G78" }, "unknown"],
  ];
  for (const [info, expected] of cases) {
    const full = { vendor: "", device: "", description: "", ...info };
    assertEquals(deviceClass(full as GPUAdapterInfo), expected);
  }
});
