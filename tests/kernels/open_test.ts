import { assertEquals, assertRejects } from "@std/assert";
import { DeviceError, openDevice } from "../../kernels/mod.ts";

/** Runs `run` where `navigator.gpu` is `gpu`. */
async function withGpu(
  gpu: unknown,
  run: () => Promise<void>,
): Promise<void> {
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    await run();
  } finally {
    // What was there before is inherited.
    delete (navigator as { gpu?: unknown }).gpu;
  }
}

function adapter(description: string): unknown {
  return {
    info: { vendor: "", device: "", description },
    limits: {},
    features: new Set(),
    requestDevice: () => Promise.reject(new TypeError("planted")),
  };
}

Deno.test("openDevice() opens the processor when asked for it", async () => {
  await withGpu(undefined, async () => {
    using device = await openDevice("cpu", { threads: 2 });
    assertEquals([device.kind, device.description], [
      "cpu",
      "processor, 2 threads",
    ]);
  });
});

Deno.test("openDevice() prefers the processor to no or a software adapter", async () => {
  for (
    const gpu of [
      undefined,
      { requestAdapter: () => Promise.resolve(null) },
      { requestAdapter: () => Promise.resolve(adapter("llvmpipe")) },
    ]
  ) {
    await withGpu(gpu, async () => {
      using device = await openDevice("auto", { threads: 1 });
      assertEquals(device.kind, "cpu");
    });
  }
});

Deno.test("openDevice() says that there is no adapter, and the cure", async () => {
  await withGpu(undefined, async () => {
    await assertRejects(
      () => openDevice("webgpu"),
      DeviceError,
      'Cannot open a WebGPU device: no adapter found; install a Vulkan driver (Debian: mesa-vulkan-drivers) or use the device "cpu"',
    );
  });
});

Deno.test("openDevice() names an adapter that refused", async () => {
  const gpu = { requestAdapter: () => Promise.resolve(adapter("GeForce 9")) };
  await withGpu(gpu, async () => {
    for (const choice of ["auto", "webgpu"] as const) {
      await assertRejects(
        () => openDevice(choice),
        DeviceError,
        'Cannot open a WebGPU device: the adapter "GeForce 9" refused',
      );
    }
  });
});

Deno.test("openDevice() refuses devices and teams that are none", async () => {
  for (const choice of ["gpu", "CPU", "", "cuda"]) {
    await assertRejects(
      () => openDevice(choice as "cpu"),
      RangeError,
      `Cannot open a device: expected auto, webgpu, cpu, got ${choice}`,
    );
  }
  for (const threads of [0, -3, 1.5, NaN, Infinity, 1025]) {
    for (const choice of ["auto", "webgpu", "cpu"] as const) {
      await assertRejects(
        () => openDevice(choice, { threads }),
        RangeError,
        `Cannot open a device with threads: expected an integer in [1, 1024], got ${threads}`,
      );
    }
  }
});
