import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  Arena,
  type ArenaEntry,
  DeviceError,
  DisposedError,
  Scope,
  type Tensor,
} from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";

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

/** The half of a tensor, which is what the next product reads. */
async function halfOf({ device, half, size }: Tensor): Promise<number[]> {
  const [bytes] = await device.read([half!]);
  return [...new Float16Array(bytes!).subarray(0, size)];
}

deviceTest(
  "Arena keeps halves of its values",
  async (device) => {
    const entries = [["a", entry(1, 2, 1 / 3)], ["b", entry(4.0001)]] as const;
    const arena = new Arena(device, new Map(entries), { halves: true });
    const [a, b] = [arena.values.get("a")!, arena.values.get("b")!];
    assertEquals(await halfOf(a), [1, 2, Math.f16round(1 / 3)]);
    assertEquals(await halfOf(b), [4]);
    assertEquals(a.view([3, 1]).half, a.half);
    assertEquals(arena.gradients.get("a")!.half, undefined);

    const fresh = [["a", [5, 6, 7]], ["b", [0.1]]] as const;
    arena.write(
      "values",
      new Map(fresh.map(([name, data]) => [name, Float32Array.from(data)])),
    );
    assertEquals(await halfOf(a), [5, 6, 7]);
    a.write(Float32Array.of(8, 9, 10));
    assertEquals(await halfOf(a), [5, 6, 7], "stale");
    arena.refreshCopies();
    assertEquals(await halfOf(a), [8, 9, 10]);
    a.dispose();
    assertEquals(a.half, undefined);
    // Whole pairs of blocks of 64, and no more.
    const sizes = [1, 65, 129].map((size) => {
      const whole = entry(...Array<number>(size).fill(1));
      const { chunks } = new Arena(device, new Map([["a", whole]]), {
        halves: true,
      });
      return chunks[0]!.length;
    });
    assertEquals(sizes, [128, 128, 256]);
  },
  { halves: true },
);

deviceTest("Arena has gradients when they are asked for", async (device) => {
  const arena = new Arena(device, new Map([["a", entry(1, 2)]]));
  const { liveBlocks } = device.memory;
  const first = (): Tensor => {
    using _step = new Scope();
    return arena.gradients.get("a")!;
  };
  const gradient = first();
  assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  assertEquals([...await gradient.data()], [0, 0]);
  assertEquals(first(), gradient);
  arena.dispose();
  assertThrows(() => gradient.storage, DisposedError);
});

deviceTest(
  "Arena has panels of matrices for the CPU device",
  async (device) => {
    const matrix = { ...entry(...Array.from({ length: 6 }, (_, i) => i)) };
    const entries = new Map([["a", { ...matrix, shape: [2, 3] }], [
      "b",
      matrix,
    ]]);
    const { liveBlocks } = device.memory;
    const arena = new Arena(device, entries, { panels: true });
    const [a, b] = [arena.values.get("a")!, arena.values.get("b")!];
    assertEquals(b.panels, undefined, "no matrix");
    assertEquals(arena.gradients.get("a")!.panels, undefined);
    assertEquals(a.panels !== undefined, device.kind === "cpu");
    const first = async (): Promise<number> => {
      const [bytes] = await device.read([a.panels!]);
      return new Float32Array(bytes!)[1]!;
    };
    if (a.panels) {
      assertEquals(await first(), 3);
      const data = new Map(
        [...entries].map(([name]) =>
          [name, new Float32Array(6).fill(7)] as const
        ),
      );
      arena.write("values", data);
      assertEquals(await first(), 7);
      a.write(new Float32Array(6).fill(8));
      assertEquals(await first(), 7, "stale");
      arena.refreshCopies();
      assertEquals(await first(), 8);
    }
    arena.dispose();
    assertEquals(device.memory.liveBlocks, liveBlocks);
  },
);

Deno.test("Arena refuses halves where the device has none", () => {
  const [cpu] = devices;
  const { liveBlocks } = cpu!.memory;
  assertThrows(
    () => new Arena(cpu!, new Map([["a", entry(1)]]), { halves: true }),
    DeviceError,
    'Cannot store weights in f16: expected a WebGPU adapter with shader-f16, got "processor, 2 threads"; store them in f32',
  );
  assertEquals(cpu!.memory.liveBlocks, liveBlocks);
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
