import { assertEquals } from "@std/assert";
import { panelled } from "../../kernels/mod.ts";
import { Panels } from "../../tensor/panels.ts";
import { Scope, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const [N, K] = [18, 3];

deviceTest("Panels copies when asked, and after a change", async (device) => {
  const x = Tensor.from(device, [N, K], new Float32Array(N * K).fill(2));
  const { liveBlocks } = device.memory;
  const panels = new Panels(device, x.storage, [N, K]);
  assertEquals(device.memory.liveBlocks, liveBlocks);
  const read = async (): Promise<Set<number>> => {
    const [bytes] = await device.read([panels.storage]);
    assertEquals(bytes!.byteLength, 4 * panelled(N) * K);
    return new Set(new Float32Array(bytes!));
  };
  assertEquals(await read(), new Set([2]));
  x.write(new Float32Array(N * K).fill(3));
  assertEquals(await read(), new Set([2]), "stale");
  panels.outdate();
  assertEquals(await read(), new Set([3]));
  panels.dispose();
});

deviceTest("Panels frees its copy, once", (device) => {
  using _scope = new Scope();
  const x = Tensor.from(device, [N, K], new Float32Array(N * K));
  const { liveBlocks } = device.memory;
  const panels = new Panels(device, x.storage, [N, K]);
  const { storage } = panels;
  assertEquals(storage, panels.storage);
  assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  panels.dispose();
  panels.dispose();
  assertEquals(device.memory.liveBlocks, liveBlocks);
});
