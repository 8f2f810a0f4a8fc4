import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Elementwise, elementwise } from "../../kernels/elementwise.ts";
import { input } from "../../kernels/expression.ts";
import { chooseForm, sourceOf } from "../../kernels/kernel.ts";

const [x, y] = [input(0), input(1)];

function product(
  shape: readonly number[],
  operands: Elementwise["operands"],
): ReturnType<typeof elementwise> {
  return elementwise({ name: "test", outputs: [x.mul(y)], shape, operands });
}

/** Values of all outputs, by the definition in float64. */
function define(
  work: Elementwise,
  values: readonly (readonly number[])[],
): number[][] {
  const { kernel, sizes } = elementwise(work);
  const length = work.shape.reduce((a, b) => a * b, 1);
  const outs = work.outputs.map(() => new Float64Array(length));
  const buffers = Object.fromEntries([
    ...values.map((own, i) => [`in${i}`, Float64Array.from(own)] as const),
    ...outs.map((out, o) => [`out${o}`, out] as const),
  ]);
  kernel.define(buffers, sizes);
  return outs.map((out) => [...out]);
}

Deno.test("elementwise() shares kernels between sizes, not structures", () => {
  const { kernel } = product([5, 8], [[8, 1], [0, 1]]);
  assertStrictEquals(product([9, 3], [[3, 1], [0, 1]]).kernel, kernel);
  assertStrictEquals(
    product([2, 4, 5], [[20, 5, 1], [0, 0, 1]]).kernel,
    kernel,
  );
  assert(product([5, 8], [[8, 1], [1, 0]]).kernel !== kernel);
  assert(product([5, 8], [[8, 1], 0.5]).kernel !== kernel);
});

Deno.test("elementwise() gives numbers at launch", () => {
  const { kernel, sizes } = product([3], [[1], 0.1]);
  assertEquals(sizes["x1"], 0.1);
  assertEquals(kernel.fractions, ["x1"]);
  assertEquals(kernel.buffers, ["in0", "out0"]);
  assertStrictEquals(product([3], [[1], 0.2]).kernel, kernel);
});

Deno.test("elementwise() takes four at a time where strides allow it", () => {
  const forms = (
    shape: readonly number[],
    operands: Elementwise["operands"],
  ): number => {
    const { kernel, sizes } = product(shape, operands);
    return chooseForm(kernel, "unknown", sizes);
  };
  assertEquals(forms([8], [[1], [1]]), 0);
  assertEquals(forms([2, 2], [[2, 1], [2, 1]]), 0);
  assertEquals(forms([7], [[1], [1]]), 1);
  assertEquals(forms([5, 8], [[8, 1], [0, 1]]), 0);
  assertEquals(forms([4, 7], [[7, 1], [0, 1]]), 1);
  assertEquals(forms([3, 4], [[4, 1], [6, 1]]), 1);
  assertEquals(forms([3, 4], [[4, 1], [7, 0]]), 0);
});

Deno.test("elementwise() writes WGSL of the structure alone", () => {
  const { kernel } = product([5, 8], [[8, 1], [1, 0]]);
  const source = sourceOf(kernel, kernel.forms[0]!);
  assertEquals(
    source.split("\n").map((line) => line.trim()).slice(-12, -2),
    [
      "if (id >= sizes.items) { return; }",
      "var rest = id;",
      "let c1 = rest % (sizes.d1 / 4u) * 4u;",
      "rest /= (sizes.d1 / 4u);",
      "let c0 = rest;",
      "let at1 = c0 * sizes.s1_0 + c1 * sizes.s1_1;",
      "let e0 = in0[id];",
      "let e1 = vec4f(in1[at1]);",
      "let e2 = e0 * e1;",
      "out0[id] = e2;",
    ],
  );
});

Deno.test("elementwise() computes several outputs over several blocks", () => {
  const rows = 7;
  const cols = 301;
  const a = Array.from({ length: rows * cols }, (_, i) => Math.sin(i));
  const row = Array.from({ length: cols }, (_, i) => i);
  const found = define({
    name: "test",
    outputs: [x.mul(y), x.add(y)],
    shape: [rows, cols],
    operands: [[cols, 1], [0, 1]],
  }, [a, row]);
  assertEquals(found, [
    a.map((v, i) => v * row[i % cols]!),
    a.map((v, i) => v + row[i % cols]!),
  ]);
});

Deno.test("elementwise() reads columns, scalars and any stride", () => {
  const found = define({
    name: "test",
    outputs: [x.mul(100).add(y.mul(10)).add(input(2))],
    shape: [2, 3],
    operands: [[1, 0], [0, 0], [1, 2]],
  }, [[1, 2], [3], [0, 1, 2, 3, 4, 5]]);
  assertEquals(found, [[130, 132, 134, 231, 233, 235]]);
});

Deno.test("elementwise() names what is too much for it", () => {
  const many = Array.from({ length: 8 }, (_, i) => input(i));
  assertThrows(
    () =>
      elementwise({
        name: "wide",
        outputs: [many.reduce((sum, own) => sum.add(own))],
        shape: [3],
        operands: many.map(() => [1]),
      }),
    RangeError,
    "Cannot compute wide in one kernel: expected at most 8 buffers, got 9",
  );
  assertThrows(
    () => product([2, 2, 2, 2, 2], [[16, 8, 4, 2, 1], [4, 0, 2, 0, 1]]),
    RangeError,
    "at most 4 groups of axes, got 5",
  );
});
