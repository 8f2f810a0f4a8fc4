import { assertEquals, assertThrows } from "@std/assert";
import {
  backward,
  Segments,
  segmentSum,
  spread,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";

deviceTest("Segments.fromRanges() numbers rows", async (device) => {
  const segments = Segments.fromRanges(
    device,
    Uint32Array.of(1, 3, 3, 5),
    Uint32Array.of(3, 3, 4, 6),
    7,
  );
  assertEquals([...await segments.ids.indices()], [4, 0, 0, 2, 4, 3, 4]);
  assertEquals([segments.count, segments.rows], [4, 7]);
});

deviceTest("Segments.fromIds() finds the ranges", async (device) => {
  const ids = Uint32Array.of(4, 0, 0, 2, 4, 3, 4);
  const segments = Segments.fromIds(device, ids, 4);
  assertEquals([...await segments.starts.indices()], [1, 0, 3, 5]);
  assertEquals([...await segments.ends.indices()], [3, 0, 4, 6]);
});

Deno.test("Segments.fromIds() throws when ids are no runs in order", () => {
  const device = devices[0]!;
  for (const ids of [[1, 0], [0, 9, 0], [0, 1, 0]]) {
    assertThrows(
      () => Segments.fromIds(device, Uint32Array.from(ids), 2),
      RangeError,
      "Cannot put row",
    );
  }
  assertThrows(
    () => Segments.fromIds(device, new Uint32Array(65536), 1),
    RangeError,
    "Cannot put row 65535 into segment 0",
  );
});

Deno.test("Segments.fromRanges() throws when ranges overlap or run over", () => {
  const device = devices[0]!;
  for (const [starts, ends] of [[[0, 1], [2, 3]], [[2], [1]], [[3], [5]]]) {
    assertThrows(
      () =>
        Segments.fromRanges(
          device,
          Uint32Array.from(starts!),
          Uint32Array.from(ends!),
          4,
        ),
      RangeError,
      "Cannot use segment",
    );
  }
});

deviceTest("spread() is the adjoint of segmentSum()", async (device) => {
  const draw = new Draw(1);
  const ids: number[] = [];
  for (let p = 0; p < 50; p++) {
    ids.push(...Array<number>(draw.integer(0, 9)).fill(p));
    if (draw.uniform() < 0.2) ids.push(50);
  }
  const numbers = (length: number): number[] =>
    Array.from({ length }, () => Math.fround(draw.uniform() - 0.5));
  const [xs, ys] = [numbers(5 * ids.length), numbers(5 * 50)];
  const segments = Segments.fromIds(device, Uint32Array.from(ids), 50);
  const x = Tensor.from(device, [ids.length, 5], xs);
  const y = Tensor.from(device, [50, 5], ys);
  const inner = (a: ArrayLike<number>, b: readonly number[]): number =>
    b.reduce((sum, value, i) => sum + value * a[i]!, 0);
  const left = inner(await segmentSum(x, segments).data(), ys);
  const right = inner(await spread(y, segments).data(), xs);
  assertClose([left], [right], sumOf(xs.length));

  const [dx] = backward(segmentSum(x, segments), [x], { seed: y });
  assertEquals(await dx!.data(), await spread(y, segments).data());
});
