import { assertEquals } from "@std/assert";
import {
  launchMatmul,
  matmulKernel,
  matmulPartsKernel,
  openDevice,
} from "../../kernels/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { devices } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { formsTest } from "../support/forms.ts";

for (
  const structure of [
    { transposeA: true },
    { transposeB: true },
    { transposeB: true, halfB: true },
  ]
) {
  formsTest(
    matmulPartsKernel(structure),
    [[20, 24, 40, 16], [17, 3, 65, 32]].map(([m = 0, n = 0, k = 0, depth]) => ({
      sizes: { m, n, k, depth: depth! },
      buffers: { a: m * k, b: k * n, c: Math.ceil(k / depth!) * m * n },
    })),
    sumOf(16 * 4), // of products up to 4
  );
}

Deno.test({
  name: "launchMatmul() splits long sums on a real GPU, and equals one product",
  ignore: devices.length < 2,
  async fn(): Promise<void> {
    using device = await openDevice("webgpu", { as: "nvidia" });
    const draw = new Draw(3);
    const numbers = (length: number): Float32Array<ArrayBuffer> =>
      Float32Array.from({ length }, () => 2 * draw.uniform() - 1);
    const [m, n, k] = [20, 18, 1027];
    const host = {
      a: numbers(k * m),
      b: numbers(k * n),
      base: numbers(m * n),
      c: new Float32Array(m * n),
    };
    const sizes = { batch: 1, m, n, k };
    const stored = Object.fromEntries(
      Object.entries(host).map(([name, data]) => {
        const storage = device.allocate(data.byteLength);
        device.write(storage, data);
        return [name, storage];
      }),
    ) as Record<keyof typeof host, ReturnType<typeof device.allocate>>;
    const { c } = stored;
    const { liveBlocks } = device.memory;
    for (const base of [false, true]) {
      const structure = { transposeA: true, base };
      const expected = new Float64Array(m * n);
      const none = new Float64Array();
      matmulKernel(structure).define(
        { ...host, c: expected, pre: none, bias: none },
        sizes,
      );
      const { launches } = device.counts;
      launchMatmul(device, structure, { ...stored, pre: c, bias: c }, sizes);
      assertEquals(device.counts.launches - launches, 2);
      const [found] = await device.read([c]);
      assertClose(new Float32Array(found!), expected, sumOf(k));
    }
    assertEquals(device.memory.liveBlocks, liveBlocks);
  },
});
