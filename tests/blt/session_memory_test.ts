import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SessionMemory } from "../../blt/session_memory.ts";
import { Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "SessionMemory reads in pieces, one call after the other",
  async (device) => {
    const { liveBlocks } = device.memory;
    using memory = new SessionMemory();
    const sum = memory.keep(() => Tensor.from(device, [1], [7]));
    const read: number[][] = [];
    const call = (ids: number[]): Promise<Float32Array> =>
      memory.read(
        Uint32Array.from(ids),
        { most: 2, turns: undefined },
        async (piece, scope) => {
          const x = scope.run(() => Tensor.from(device, [1], [piece[0]!]));
          await new Promise((resolve) => setTimeout(resolve, 2));
          read.push([...piece]);
          return await x.data();
        },
      );
    const calls = [call([1, 2, 3]), call([]), call([4])];
    await assertRejects(() => calls[1]!, RangeError, "at least one");
    assertEquals([...await calls[0]!, ...await calls[2]!], [3, 4]);
    assertEquals(read, [[1, 2], [3], [4]]);
    assertEquals([...await sum.data()], [7]);
    assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  },
);

deviceTest(
  "SessionMemory keeps nothing of what could not be made",
  (device) => {
    const { liveBlocks } = device.memory;
    const memory = new SessionMemory();
    memory.keep(() => Tensor.from(device, [1], [1]));
    assertThrows(
      () =>
        memory.keep(() => {
          Tensor.from(device, [1], [2]);
          throw new SyntaxError("planted");
        }),
      SyntaxError,
      "planted",
    );
    assertEquals(device.memory.liveBlocks, liveBlocks);
  },
);
