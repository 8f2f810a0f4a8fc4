import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  backward,
  causal,
  crossAttention,
  type Device,
  DTypeError,
  type Ends,
  Intervals,
  Scope,
  selfAttention,
  ShapeError,
  slotsSeeBytes,
  Tensor,
} from "../../../tensor/mod.ts";
import { deviceTest } from "../../support/devices.ts";
import { Draw } from "../../support/for_all.ts";

const HEADS = 2;
const WIDTH = 48; // of packed rows: two heads of width 8

function drawRows(rows: number, seed: number): Float32Array {
  const rng = new Draw(seed);
  const length = rows * WIDTH;
  return Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
}

/** Value and gradient of self-attention, with a seed of ones. */
async function attend(
  device: Device,
  data: Float32Array,
  ends: Ends,
): Promise<{ out: Float32Array; grad: Float32Array }> {
  using _scope = new Scope();
  const rows = ends.lo.length;
  const qkv = Tensor.from(device, [rows, WIDTH], data);
  const intervals = Intervals.from(device, ends, rows);
  const out = selfAttention(qkv, intervals, { heads: HEADS });
  const ones = new Float32Array(out.size).fill(1);
  const seed = Tensor.from(device, out.shape, ones);
  const [grad] = backward(out, [qkv], { seed });
  return { out: await out.data(), grad: await grad!.data() };
}

deviceTest(
  "selfAttention() of a document does not depend on its batch",
  async (device) => {
    // A window makes the tiles and blocks of the same row differ.
    for (const window of [Infinity, 70]) {
      for (const [before, rows] of [[1, 40], [13, 200], [64, 65]] as const) {
        const other = drawRows(before, 1);
        const own = drawRows(rows, 2).map((x) => 4 * x);
        const alone = await attend(device, own, causal([rows], window));
        const all = Float32Array.of(...other, ...own, ...other);
        const ends = causal([before, rows, before], window);
        const batch = await attend(device, all, ends);
        const outAt = before * WIDTH / 3;
        assertEquals(
          batch.out.slice(outAt, outAt + alone.out.length),
          alone.out,
        );
        const gradAt = before * WIDTH;
        const { length } = alone.grad;
        assertEquals(batch.grad.slice(gradAt, gradAt + length), alone.grad);
      }
    }
  },
);

deviceTest("selfAttention() is causal to the bit", async (device) => {
  const rows = 75;
  const data = drawRows(rows, 3);
  const { out } = await attend(device, data, causal([rows]));
  for (const changed of [1, 30, 74]) {
    const other = data.slice();
    for (let i = changed * WIDTH; i < other.length; i++) other[i]! += 100;
    const { out: later } = await attend(device, other, causal([rows]));
    const end = changed * WIDTH / 3;
    assertEquals(later.slice(0, end), out.slice(0, end));
    assert(later[end] !== out[end]);
  }
});

deviceTest(
  "selfAttention() gives no gradient to rows that see nothing",
  async (device) => {
    const ends = {
      lo: Uint32Array.of(0, 1, 1, 1),
      hi: Uint32Array.of(1, 1, 1, 1),
    };
    const { out, grad } = await attend(device, drawRows(4, 4), ends);
    assert(out.subarray(0, WIDTH / 3).every((x) => x !== 0));
    assert(out.subarray(WIDTH / 3).every((x) => x === 0));
    assert(grad.subarray(WIDTH).every((x) => x === 0));
  },
);

deviceTest("selfAttention() needs memory linear in length", (device) => {
  const taken = (rows: number): number => {
    using _scope = new Scope();
    const qkv = Tensor.from(device, [rows, 3], new Float32Array(3 * rows));
    const intervals = Intervals.from(device, causal([rows], 4), rows);
    const before = device.memory.liveBytes;
    const out = selfAttention(qkv, intervals, { heads: 1 });
    backward(out, [qkv], { seed: out });
    return device.memory.liveBytes - before;
  };
  taken(2048);
  assert(taken(4096) <= 2.1 * taken(2048));
});

deviceTest(
  "crossAttention() gives only the gradients that are wanted",
  async (device) => {
    const q = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
    const kv = Tensor.from(device, [3, 4], [...drawRows(1, 5).subarray(0, 12)]);
    const ends = slotsSeeBytes(Uint32Array.of(0, 2, 3), 1);
    const intervals = Intervals.from(device, ends, 3);
    const out = crossAttention(q, kv, intervals, { heads: 1 });
    const seed = Tensor.from(device, [2, 2], [1, 1, 1, 1]);
    const [dq, dkv] = backward(out, [q, kv], { seed });
    for (const [tensor, both] of [[q, dq], [kv, dkv]] as const) {
      const { liveBlocks } = device.memory;
      const [alone] = backward(out, [tensor], { seed });
      assertEquals(await alone!.data(), await both!.data());
      assertEquals(device.memory.liveBlocks, liveBlocks + 1);
    }
  },
);

deviceTest("selfAttention() refuses shapes that do not fit", (device) => {
  const intervals = Intervals.from(device, causal([4]), 4);
  for (const shape of [[4, 8], [4, 9], [3, 12], [4, 12, 1], [4, 0]]) {
    const qkv = Tensor.empty(device, shape);
    assertThrows(
      () => selfAttention(qkv, intervals, { heads: 2 }),
      ShapeError,
      `Cannot apply selfAttention to [${shape.join(", ")}]`,
    );
  }
  assertThrows(
    () => selfAttention(intervals.ofKeys, intervals, { heads: 1 }),
    DTypeError,
  );
});

deviceTest("crossAttention() refuses shapes that do not fit", (device) => {
  const intervals = Intervals.from(device, causal([4]), 4);
  const shapes = [[[4, 6], [4, 6]], [[3, 4], [4, 8]], [[4, 4], [5, 8]], [
    [4, 3],
    [4, 6],
  ]];
  for (const [q = [], kv = []] of shapes) {
    assertThrows(
      () =>
        crossAttention(
          Tensor.empty(device, q),
          Tensor.empty(device, kv),
          intervals,
          { heads: 2 },
        ),
      ShapeError,
      "Cannot apply crossAttention to",
    );
  }
});
