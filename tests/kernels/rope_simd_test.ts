import { assertEquals } from "@std/assert";
import { ropeKernel } from "../../kernels/mod.ts";
import { ropeSimd } from "../../kernels/rope_simd.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const SHAPES = [
  { rows: 1, width: 4, columns: 4, headWidth: 4 },
  { rows: 3, width: 24, columns: 16, headWidth: 8 },
  { rows: 5, width: 36, columns: 24, headWidth: 12 },
  { rows: 2, width: 8, columns: 0, headWidth: 4 },
];

simdTest(
  ropeKernel,
  SHAPES.flatMap((shape) =>
    [1, -1].map((direction) => ({
      buffers: {
        x: shape.rows * shape.width,
        table: 7 * shape.headWidth,
        positions: Array.from({ length: shape.rows }, (_, row) => 5 * row % 7),
        out: shape.rows * shape.width,
      },
      sizes: { ...shape, direction },
    }))
  ),
  ELEMENTWISE,
);

Deno.test("ropeSimd leaves heads of broken vectors to the definition", () => {
  const sizes = { rows: 1, width: 6, columns: 6, direction: 1 };
  assertEquals(ropeSimd.fits?.({ ...sizes, headWidth: 6 }), false);
});
