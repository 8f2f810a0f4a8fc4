import { assertEquals } from "@std/assert";
import {
  chooseForm,
  type DeviceClass,
  matmulKernel,
} from "../../kernels/mod.ts";
import { partDepth, tileForms } from "../../kernels/matmul_tile_wgsl.ts";

Deno.test("tileForms() are chosen by device and shape", () => {
  const kernel = matmulKernel({ transposeB: true });
  const choose = (device: DeviceClass, shape: number[]): string => {
    const [m = 0, n = 0, k = 0] = shape;
    const sizes = { batch: 1, m, n, k };
    return kernel.forms[chooseForm(kernel, device, sizes)]!.name!;
  };
  assertEquals(choose("nvidia", [8192, 512, 512]), "tile 128");
  assertEquals(choose("nvidia", [1024, 512, 512]), "tile 64");
  assertEquals(choose("apple", [1024, 512, 512]), "tile 128");
  assertEquals(choose("nvidia", [8192, 513, 512]), "tile 128, any sizes");
  assertEquals(choose("nvidia", [8192, 512, 510]), "tile 128, any sizes");
  assertEquals(choose("nvidia", [1, 512, 512]), "registers");
  assertEquals(choose("software", [8192, 512, 512]), "large registers");
  assertEquals(choose("software", [128, 256, 512]), "registers");
  assertEquals(choose("software", [8192, 512, 510]), "registers, any sizes");
});

Deno.test("tileForms() keep to the default limits of WebGPU", () => {
  for (const { threads = 0, declarations = "" } of tileForms({})) {
    assertEquals(threads <= 256, true);
    const vectors = [...declarations.matchAll(/vec4f, (\d+)/g)];
    const bytes = vectors.reduce((sum, [, count]) => sum + 16 * +count!, 0);
    assertEquals(bytes === 16_384 || bytes === 8192, true, `${bytes}`);
  }
});

Deno.test("partDepth() splits sums when a result is small", () => {
  const weights = { m: 512, n: 512, k: 32_768 };
  assertEquals(partDepth("software", weights), 32_768);
  assertEquals(partDepth("nvidia", weights), 2048);
  assertEquals(partDepth("nvidia", { ...weights, k: 32_771 }), 2064);
  assertEquals(partDepth("nvidia", { ...weights, k: 1000 }), 1000);
  assertEquals(partDepth("nvidia", { ...weights, m: 8192 }), 32_768);
  assertEquals(partDepth("nvidia", { ...weights, m: 4 }), 32_768);
});
