import { assertEquals } from "@std/assert";
import { reverseScanKernel, scanKernels } from "../../kernels/scan.ts";

Deno.test("scanKernels add up each row as they go", () => {
  const x = Float64Array.of(1, 2, 3, 10, 20, 30);
  const out = new Float64Array(6);
  scanKernels.f32.define({ x, out }, { rows: 2, length: 3 });
  assertEquals([...out], [1, 3, 6, 10, 30, 60]);
});

Deno.test("reverseScanKernel starts at the end of each row", () => {
  const x = Float64Array.of(1, 2, 3, 10, 20, 30);
  const out = new Float64Array(6);
  reverseScanKernel.define({ x, out }, { rows: 2, length: 3 });
  assertEquals([...out], [6, 5, 3, 60, 50, 30]);
});

Deno.test("scanKernels wrap u32 at 2^32", () => {
  const x = Uint32Array.of(2 ** 32 - 1, 2, 3);
  const out = new Uint32Array(3);
  scanKernels.u32.define({ x, out }, { rows: 1, length: 3 });
  assertEquals([...out], [2 ** 32 - 1, 1, 4]);
});
