import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  chooseForm,
  type Device,
  DeviceError,
  type KernelTime,
  openDevice,
  type Storage,
  tune,
} from "../../kernels/mod.ts";
import { devices } from "../support/devices.ts";

const SHAPES = {
  linear: [{ rows: 32, inDim: 24, outDim: 20 }],
  attention: [{ rows: 20, heads: 2, headWidth: 4, window: 8 }],
};

/** A GPU on which only the forms of the given names are fast. */
function planted(fast: readonly string[]): {
  device: Device;
  /** Blocks that were taken and not given back. */
  taken: Set<unknown>;
} {
  const taken = new Set<unknown>();
  let last = "";
  const device: Partial<Device> = {
    kind: "webgpu",
    class: "nvidia",
    allocate(bytes): Storage {
      const storage = { block: { bytes, id: 0, place: 0 }, offset: 0, bytes };
      taken.add(storage);
      return storage;
    },
    free: (storage) => taken.delete(storage),
    write(): void {},
    launch(kernel, _, sizes): void {
      last = kernel.forms[chooseForm(kernel, "nvidia", sizes)]!.name ?? "";
    },
    profile(run): Promise<readonly KernelTime[]> {
      run();
      const ms = fast.includes(last) ? 1 : 1000;
      const time = { kernel: "", launches: 1, ms, bytes: 0, flops: 0 };
      return Promise.resolve([time]);
    },
  };
  return { device: device as Device, taken };
}

Deno.test("tune() names the form that was fastest", async () => {
  const { device, taken } = planted(["tile 64", "rows"]);
  const table = await tune(device, SHAPES);
  const at =
    "queries 16 heads 2 qStride 32 kvStride 32 kOffset 8 pairs 128 longest 8";
  assertEquals(Object.entries(table), [
    ["matmul_nt batch 1 m 32 n 16 k 32", "tile 64"],
    ["matmul_nn batch 1 m 32 n 32 k 16", "tile 64"],
    ["matmul_tn batch 1 m 16 n 32 k 32", "tile 64"],
    [`attention_4 ${at}`, "rows"],
    [`attention_grad_q_4 ${at}`, "rows"],
    [`attention_grad_kv_4 ${at} keys 16`, "rows"],
  ]);
  assertEquals(taken.size, 0);
  assertEquals(JSON.parse(JSON.stringify(table)), table);
});

Deno.test("tune() measures sums in parts where they are launched so", async () => {
  const { device } = planted([]);
  const table = await tune(device, {
    linear: [{ rows: 4096, inDim: 64, outDim: 64 }],
  });
  assertEquals(
    Object.keys(table).at(-1),
    "matmul_tn_parts m 64 n 64 k 4096 depth 512",
  );
});

Deno.test({
  name: "tune() measures on this adapter",
  ignore: devices.length < 2,
  async fn(): Promise<void> {
    const device = devices[1]!;
    const { liveBlocks } = device.memory;
    const table = await tune(device, SHAPES);
    assertEquals(Object.keys(table).length, 3, "products only, on software");
    for (const name of Object.values(table)) assert(name);
    assertEquals(device.memory.liveBlocks, liveBlocks);
    using tuned = await openDevice("webgpu", { tuning: table });
    assertEquals(tuned.class, device.class);
  },
});

Deno.test("tune() has nothing to choose on the processor", async () => {
  using device = await openDevice("cpu", { threads: 1 });
  await assertRejects(
    () => tune(device, SHAPES),
    DeviceError,
    "Cannot tune kernels: expected a WebGPU device, got the processor",
  );
});
