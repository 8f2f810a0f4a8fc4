import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  copyKernel,
  type Device,
  DeviceError,
  fillKernel,
  type Storage,
} from "../../kernels/mod.ts";
import { deviceTest } from "../support/devices.ts";

async function first(device: Device, storage: Storage): Promise<number> {
  const [bytes] = await device.read([storage]);
  return new Float32Array(bytes!)[0]!;
}

function copy(device: Device, x: Storage, out: Storage): void {
  device.launch(copyKernel, { x, out }, { length: 1 });
}

deviceTest("capture() repeats launches on new data", async (device) => {
  const [x, out] = [device.allocate(4), device.allocate(4)];
  device.write(x, Float32Array.of(1));
  const { launches } = device.counts;
  using capture = device.capture(() => {
    const between = device.allocate(4);
    copy(device, x, between);
    copy(device, between, out);
    device.free(between);
  });
  assertEquals(await first(device, out), 1);
  for (const value of [2, 3]) {
    device.write(x, Float32Array.of(value));
    capture.replay();
    assertEquals(await first(device, out), value);
  }
  assertEquals(device.counts.launches - launches, 6);
  device.free(x);
  device.free(out);
});

deviceTest("capture() keeps its memory from others", async (device) => {
  const out = device.allocate(4);
  const { liveBlocks } = device.memory;
  let result: Storage | undefined;
  const capture = device.capture(() => {
    const uploaded = device.allocate(4);
    const five = Float32Array.of(5);
    device.write(uploaded, five);
    five[0] = 6;
    copy(device, uploaded, out);
    device.free(uploaded);
    // This takes the place of what a repetition reads again.
    result = device.allocate(4);
    device.launch(fillKernel, { out: result }, { length: 1, value: 7 });
  });
  device.free(result!);
  const other = device.allocate(4);
  assertNotEquals(other.block.id, result!.block.id);
  device.launch(fillKernel, { out: other }, { length: 1, value: 8 });
  device.launch(fillKernel, { out }, { length: 1, value: 9 });
  capture.replay();
  assertEquals([await first(device, out), await first(device, other)], [5, 8]);
  assertEquals(device.memory.liveBlocks, liveBlocks + 2);
  capture[Symbol.dispose]();
  capture[Symbol.dispose]();
  assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  assertThrows(() => capture.replay(), DeviceError, "memory that it uses");
  device.free(other);
  device.free(out);
});

deviceTest(
  "capture() lends memory that was freed in the run to it",
  (device) => {
    const ids: number[] = [];
    using _capture = device.capture(() => {
      for (let i = 0; i < 2; i++) {
        const storage = device.allocate(4);
        ids.push(storage.block.id);
        device.free(storage);
      }
    });
    assertEquals(ids[0], ids[1]);
  },
);

deviceTest("capture() does not touch memory that was freed", (device) => {
  const [x, out] = [device.allocate(4), device.allocate(4)];
  using capture = device.capture(() => copy(device, x, out));
  device.free(x);
  assertThrows(
    () => capture.replay(),
    DeviceError,
    "Cannot replay a captured run: memory that it uses was freed",
  );
  device.free(out);
});

deviceTest("capture() ends when its run fails", (device) => {
  const { liveBlocks } = device.memory;
  const fail = (): void => {
    device.free(device.allocate(4));
    throw new RangeError("planted");
  };
  assertThrows(() => device.capture(fail), RangeError, "planted");
  assertEquals(device.memory.liveBlocks, liveBlocks);
  device.capture(() => {
    assertThrows(
      () => device.capture(() => {}),
      Error,
      "Cannot capture a run: another one is being captured",
    );
  })[Symbol.dispose]();
});
