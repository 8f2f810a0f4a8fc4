import { assertEquals } from "@std/assert";
import {
  gradNormKernel,
  squareSums,
  squareSumsKernel,
} from "../../kernels/mod.ts";
import { type Device, Tensor } from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { formsTest } from "../support/forms.ts";

Deno.test("squareSums() is one sum for four numbers, up to 8192", () => {
  assertEquals([64, 32_768, 1 << 24].map(squareSums), [16, 8192, 8192]);
});

formsTest(
  squareSumsKernel,
  [64, 32_768 + 64].map((length) => ({
    buffers: {
      g: length,
      sums: squareSums(length) + 3,
      scaled: squareSums(length) + 3,
    },
    sizes: { length, count: squareSums(length), start: 3 },
  })),
  sumOf(8),
);

/** Numbers of all sizes, each four of which become one sum. */
const SIZES = [1e-38, 1e-30, 1e-20, 1e-12, 1, 1e15, 1e19, 2e19, 1e30, 3.4e38];

formsTest(
  squareSumsKernel,
  [[40, 10], [40, 4]].map(([length = 0, count = 0]) => ({
    buffers: {
      g: Array.from(
        { length },
        (_, i) => (1 - i % 4 / 8) * SIZES[Math.floor(i / 4)]!,
      ),
      sums: count,
      scaled: count,
    },
    sizes: { length, count, start: 0 },
  })),
  { absolute: 1e-37, relative: 1e-5 },
);

formsTest(
  gradNormKernel,
  [1, 255, 256, 9000].flatMap((count) =>
    [0.5, 1e6].map((limit) => ({
      buffers: {
        sums: Array.from({ length: count }, (_, i) => i % 5),
        scaled: Array.from({ length: count }, (_, i) => i % 5 * 2 ** 96),
        limit: [limit],
        norm: 1,
        scale: 1,
        skipped: [2],
      },
      sizes: { count },
    }))
  ),
  sumOf(1),
);

/** Norm and factor of gradients of which each four are alike. */
async function measured(
  device: Device,
  gradients: readonly number[],
  limit: number,
): Promise<number[]> {
  const { length } = gradients;
  const count = length / 4;
  const place = (numbers: ArrayLike<number>): Tensor =>
    Tensor.from(device, [numbers.length], numbers);
  const [g, sums, scaled] = [
    place(gradients),
    place(new Float32Array(count).fill(NaN)),
    place(new Float32Array(count).fill(NaN)),
  ];
  const results = [place([limit]), place([NaN]), place([NaN]), place([0])];
  const parts = { sums: sums!.storage, scaled: scaled!.storage };
  const sizes = { length, count, start: 0 };
  device.launch(squareSumsKernel, { g: g!.storage, ...parts }, sizes);
  const [bound, norm, scale, skipped] = results.map(({ storage }) => storage);
  device.launch(gradNormKernel, {
    ...parts,
    limit: bound!,
    norm: norm!,
    scale: scale!,
    skipped: skipped!,
  }, { count });
  const found = await Promise.all(results.map((result) => result.data()));
  return found.slice(1).map(([value]) => value!);
}

deviceTest(
  "the norm of gradients neither over- nor underflows",
  async (device) => {
    for (
      const [parts, limit] of [
        [[1e20, 0, 0], 1],
        [[1e20, 1e-20, 3], 1],
        [[1.5e19, 1.5e19, 1.5e19], 1],
        [[1e37, 1e37, 2e37], 1],
        [[1e-30, 0, 2e-30], 1],
        [[1e-18, 1e-18, 1e-19], 1e-20],
        [[1e-30, 1e-2, 1], 1e-3],
        [[0, 0, 0], 1],
        [[1e20, 0, 0], Infinity],
      ] as const
    ) {
      const gradients = parts.flatMap((part) => [part, -part, part, part]);
      const exact = 2 * Math.hypot(...parts);
      const [norm, scale, skipped] = await measured(device, gradients, limit);
      const near = { absolute: 0, relative: 1e-5 };
      assertClose([norm!], [exact], near, `norm of ${parts}`);
      const factor = Math.min(1, limit / (exact + 1e-6));
      assertClose([scale!], [factor], near, `factor for ${parts}`);
      assertEquals(skipped, 0, `${parts} are finite`);
    }
  },
);

deviceTest(
  "the norm of gradients stays a number while they are",
  async (device) => {
    const most = Math.fround(3.4028235e38);
    const gradients = Array<number>(8).fill(most);
    const [norm, scale, skipped] = await measured(device, gradients, 1);
    assertEquals([norm, scale, skipped], [most, 2 ** -126, 0]);
    for (const strange of [NaN, Infinity, -Infinity]) {
      for (const other of [0, 1, 1e30]) {
        const found = [strange, ...Array<number>(7).fill(other)];
        const [norm, scale, skipped] = await measured(device, found, 1);
        assertEquals([Number.isFinite(norm), scale, skipped], [false, 0, 1]);
      }
    }
  },
);
