import { assertEquals, assertThrows } from "@std/assert";
import {
  add,
  type Device,
  mul,
  Replay,
  Scope,
  storeRows,
  sum,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";

/** Inputs of a sum: its terms, and a number that it is multiplied by. */
interface Inputs {
  readonly parts: readonly Tensor[];
  readonly options: { readonly factor: number };
}

/** Uploads the parts. */
function uploads(
  device: Device,
  parts: readonly (readonly number[])[],
  factor = 1,
): () => Inputs {
  return () => ({
    parts: parts.map((part) => Tensor.from(device, [part.length], part)),
    options: { factor },
  });
}

function weighted({ parts, options: { factor } }: Inputs): Tensor[] {
  const total = parts.map((part) => sum(part)).reduce((a, b) => add(a, b));
  return [mul(total, factor)];
}

deviceTest("Replay.run() launches while inputs change", async (device) => {
  let launched = 0;
  using replay = new Replay(device, (inputs: Inputs) => {
    launched += 1;
    return weighted(inputs);
  });
  const steps: [parts: number[][], factor: number, launches: boolean][] = [
    [[[1, 2], [3]], 1, true],
    [[[1, 4], [3]], 1, true], // captured
    [[[2, 4], [3]], 1, false],
    [[[2, 4], [5]], 1, false],
    [[[2, 4], [5]], 3, true],
    [[[2, 5], [5]], 3, true],
    [[[2, 6], [5]], 3, false],
    [[[2, 6, 1], [5]], 3, true],
    [[[2, 6], [5]], 3, true],
    [[[2, 6]], 3, true],
    [[[2, 7]], 3, true],
    [[[1, 7]], 3, false],
  ];
  for (const [i, [parts, factor, launches]] of steps.entries()) {
    const before = launched;
    const [out] = replay.run(uploads(device, parts, factor));
    const total = parts.flat().reduce((a, b) => a + b);
    assertEquals([...await out!.data()], [factor * total], `run ${i}`);
    assertEquals(launched - before, Number(launches), `run ${i}`);
  }
});

deviceTest("Replay tells indices from numbers", async (device) => {
  using replay = new Replay(device, (x: Tensor) => [x.view()]);
  for (const data of [[1], [2], [3], Uint32Array.of(4), [5]]) {
    const [out] = replay.run(() => Tensor.from(device, [1], data));
    const isIndex = data instanceof Uint32Array;
    assertEquals(out!.dtype, isIndex ? "u32" : "f32");
    const found = isIndex ? await out!.indices() : await out!.data();
    assertEquals([...found], [...data]);
  }
});

deviceTest("Replay makes nothing new for structures it knows", (device) => {
  using replay = new Replay(device, weighted);
  // Sizes of one class and of several, at places that change.
  const sizes = [[2, 3, 300], [300, 3, 2], [300, 3, 300], [2, 600, 600]];
  const run = (structure: number): void => {
    const parts = sizes[structure]!.map((length) => Array(length).fill(1));
    replay.run(uploads(device, parts));
  };
  for (const structure of [0, 0, 1, 1, 2, 2, 3, 3]) run(structure);
  const before = device.counts;
  const draw = new Draw(1);
  for (let i = 0; i < 40; i++) run(draw.integer(0, sizes.length));
  const { blocks, bindGroups } = device.counts;
  assertEquals({ blocks, bindGroups }, {
    blocks: before.blocks,
    bindGroups: before.bindGroups,
  });
});

deviceTest("Replay without inputs captures no first run", async (device) => {
  let total: Tensor | undefined;
  using replay = new Replay(device, () => {
    total ??= Scope.disown(Tensor.from(device, [1, 1], [0]));
    storeRows(total, add(total, 1), { at: 0, from: 0, rows: 1 });
    return [total];
  });
  for (const expected of [1, 2, 3, 4]) {
    const [out] = replay.run(() => undefined);
    assertEquals([...await out!.data()], [expected]);
  }
  replay.clear();
  const [out] = replay.run(() => undefined);
  assertEquals([...await out!.data()], [5]);
  total!.dispose();
});

deviceTest("Replay launches anew on what it cannot compare", async (device) => {
  using replay = new Replay(device, (numbers: ReadonlyMap<string, number>) => [
    Tensor.from(device, [1], [...numbers.values()]),
  ]);
  for (const n of [1, 2, 3, 4]) {
    const [out] = replay.run(() => new Map([["n", n]]));
    assertEquals([...await out!.data()], [n]);
  }
});

deviceTest("Replay owns its memory, until it is cleared", async (device) => {
  const { liveBlocks } = device.memory;
  using replay = new Replay(device, weighted);
  for (let i = 0; i < 2; i++) {
    for (let run = 0; run < 4; run++) {
      using _scope = new Scope();
      replay.run(uploads(device, [[run, 1]]));
    }
    const [out] = replay.run(uploads(device, [[6, 1]]));
    assertEquals([...await out!.data()], [7]);
    replay.clear();
    assertEquals(device.memory.liveBlocks, liveBlocks);
  }
});

deviceTest(
  "Replay captures no first run, nor after a failure",
  async (device) => {
    let total: Tensor | undefined;
    let fails = true;
    using replay = new Replay(device, (x: Tensor) => {
      if (fails) throw new SyntaxError("planted");
      // A replay would make it 0 again.
      total ??= Scope.disown(mul(x, 0));
      storeRows(total, add(total, x), { at: 0, from: 0, rows: 1 });
      return [total.view()];
    });
    const run = (): readonly Tensor[] =>
      replay.run(() => Tensor.from(device, [1, 1], [2]));
    assertThrows(run, SyntaxError, "planted");
    fails = false;
    for (const expected of [2, 4, 6, 8]) {
      assertEquals([...await run()[0]!.data()], [expected]);
    }
    total?.dispose();
  },
);

deviceTest(
  "Replay notices what changes in an object used again",
  async (device) => {
    const box: { x?: Tensor; n?: number; list: number[]; all: Float32Array } = {
      list: [0],
      all: new Float32Array(2),
    };
    using replay = new Replay(device, ({ x, n, list, all }: typeof box) => [
      mul(x!, n! + list[0]! + all[1]!),
    ]);
    const found: number[] = [];
    for (
      const [n, first, second] of [[1, 0, 0], [2, 0, 0], [2, 5, 0], [2, 5, 7]]
    ) {
      const [y] = replay.run(() => {
        box.x = Tensor.from(device, [1], [1]);
        box.n = n!;
        box.list[0] = first!;
        box.all[1] = second!;
        return box;
      });
      found.push((await y!.data())[0]!);
    }
    assertEquals(found, [1, 2, 7, 14]);
  },
);
