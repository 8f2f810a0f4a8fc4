import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { Arena, type ArenaEntry, Scope } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

function entry(...initial: number[]): ArenaEntry {
  return {
    shape: [initial.length],
    initial: Float32Array.from(initial),
    decay: true,
  };
}

deviceTest("Arena holds parameters side by side", async (device) => {
  const arena = new Arena(
    device,
    new Map([["a", entry(1, 2, 3)], ["b", entry(4)]]),
  );
  assertEquals(arena.chunks.map(({ length }) => length), [128]);
  assertEquals([...await arena.values.get("a")!.data()], [1, 2, 3]);
  assertEquals([...await arena.values.get("b")!.data()], [4]);
  assertEquals([...await arena.gradients.get("a")!.data()], [0, 0, 0]);
  const [bytes] = await device.read(arena.plane("values"));
  const numbers = new Float32Array(bytes!);
  assertEquals(numbers.filter((x) => x !== 0).length, 4, "padding is 0");
  assertEquals([numbers[2], numbers[64]], [3, 4]);
});

deviceTest("Arena reads what was written", async (device) => {
  const arena = new Arena(device, new Map([["a", entry(1, 2)]]));
  arena.write("m", new Map([["a", Float32Array.of(5, 6)]]));
  assertEquals([...(await arena.read("m")).get("a")!], [5, 6]);
  assertEquals([...(await arena.read("v")).get("a")!], [0, 0]);
  assertEquals([...(await arena.read("values")).get("a")!], [1, 2]);
  for (const data of [new Map(), new Map([["a", Float32Array.of(1)]])]) {
    assertThrows(() => arena.write("m", data), RangeError, "of a: expected 2");
  }
});

deviceTest("Arena gives a large parameter its own chunk", (device) => {
  const size = 17 * 1024 * 1024;
  const arena = new Arena(
    device,
    new Map([
      ["a", entry(1)],
      ["large", {
        shape: [size],
        initial: new Float32Array(size),
        decay: true,
      }],
      ["b", entry(2)],
    ]),
  );
  const lengths = arena.chunks.map(({ length }) => length);
  assertEquals(lengths, [64, size, 64]);
});

deviceTest("Arena is freed by its scope, once", (device) => {
  const { liveBytes } = device.memory;
  {
    using _scope = new Scope();
    const arena = new Arena(device, new Map([["a", entry(1)]]));
    arena.plane("m");
    assertGreater(device.memory.liveBytes, liveBytes);
    arena.dispose();
    assertEquals(device.memory.liveBytes, liveBytes);
  }
  assertEquals(device.memory.liveBytes, liveBytes);
});
