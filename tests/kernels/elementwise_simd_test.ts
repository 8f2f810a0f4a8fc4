import { assertEquals } from "@std/assert";
import { elementwise } from "../../kernels/elementwise.ts";
import { input } from "../../kernels/expression.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const [x, y, z] = [input(0), input(1), input(2)];
const outputs = [x.mul(y).add(z), y.sub(x)];

/** Shapes with the strides of x and y, and z. */
const CASES = [
  { shape: [0], operands: [[1], [1], 0.1] },
  { shape: [1], operands: [[1], [1], 0.1] },
  { shape: [7], operands: [[1], [0], [1]] },
  { shape: [2051], operands: [[1], [1], 0.1] },
  { shape: [5, 7], operands: [[7, 1], [0, 1], [0, 0]] },
  { shape: [3, 4], operands: [[4, 1], [1, 0], [0, 1]] },
  { shape: [3, 1, 61], operands: [[0, 0, 1], [1, 0, 0], [61, 61, 1]] },
  { shape: [2, 3, 5], operands: [[15, 5, 1], [5, 0, 1], [0, 1, 0]] },
  {
    shape: [2, 3, 2, 5],
    operands: [[30, 10, 5, 1], [10, 0, 5, 1], [0, 2, 1, 0]],
  },
];

for (const { shape, operands } of CASES) {
  const { kernel, sizes } = elementwise({
    name: "test",
    outputs,
    shape,
    operands,
  });
  const length = shape.reduce((a, b) => a * b);
  const buffers = { in0: length, in1: length, in2: length };
  simdTest(kernel, [{
    buffers: { ...buffers, out0: length, out1: length },
    sizes,
  }], ELEMENTWISE);
}

Deno.test("elementwise() leaves what is strided along a row to its loops", () => {
  const { kernel } = elementwise({
    name: "test",
    outputs: [x.mul(y)],
    shape: [2, 3],
    operands: [[3, 1], [1, 2]],
  });
  assertEquals(kernel.simd, undefined);
});
