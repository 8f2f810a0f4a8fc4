import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import {
  matmulKernel,
  type MatmulStructure,
  panelled,
} from "../../kernels/mod.ts";
import { input } from "../../kernels/expression.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const tanh = input(0).tanh();

/** Each choice of structure, in combinations that can disturb each other. */
const STRUCTURES: readonly MatmulStructure[] = [
  {},
  { transposeA: true },
  { transposeB: true, bias: true },
  { transposeA: true, transposeB: true, base: true },
  { transposeB: true, bias: true, activation: tanh, base: true },
  { panelsB: true },
  { panelsB: true, bias: true, activation: tanh, base: true },
  { halfB: true },
  { transposeB: true, halfB: true, bias: true, activation: tanh, base: true },
];

/**
 * [batch, m, n, k]: one, primes, tiles of 8 rows and columns ± 1, no terms,
 * tiles of 64 and 128 that are left over in each direction.
 */
const SHAPES = [
  [1, 1, 1, 1],
  [3, 5, 7, 11],
  [1, 7, 12, 4],
  [2, 8, 8, 8],
  [1, 9, 20, 16],
  [2, 36, 28, 4],
  [1, 3, 4, 0],
  [2, 132, 68, 20],
  [1, 65, 131, 33],
] as const;

for (const structure of STRUCTURES) {
  formsTest(
    matmulKernel(structure),
    SHAPES.map(([batch, m, n, k]) => ({
      sizes: { batch, m, n, k },
      buffers: {
        a: batch * m * k,
        b: batch * k * (structure.panelsB ? panelled(n) : n),
        bias: n,
        base: batch * m * n,
        c: batch * m * n,
        pre: batch * m * n,
      },
    })),
    sumOf(16 * 4), // of products up to 4
  );
}

Deno.test("matmulKernel() is one kernel for one structure", () => {
  const names = STRUCTURES.map((it) => matmulKernel(it).name);
  assertEquals(new Set(names).size, STRUCTURES.length);
  assertStrictEquals(
    matmulKernel({ bias: true }),
    matmulKernel({ bias: true }),
  );
  assertNotEquals(
    matmulKernel({ activation: tanh }).name,
    matmulKernel({ activation: input(0).exp() }).name,
  );
});

Deno.test("matmulKernel() defines c = f(a b + bias) + base", () => {
  const [c, pre] = [new Float64Array(2), new Float64Array(2)];
  const kernel = matmulKernel({
    bias: true,
    activation: input(0).mul(10),
    base: true,
  });
  kernel.define({
    a: Float64Array.of(1, 2),
    b: Float64Array.of(3, 4, 5, 6),
    bias: Float64Array.of(0.5, 0.25),
    base: Float64Array.of(100, 200),
    c,
    pre,
  }, { batch: 1, m: 1, n: 2, k: 2 });
  assertEquals([...pre], [13.5, 16.25]);
  assertEquals([...c], [235, 362.5]);
});
