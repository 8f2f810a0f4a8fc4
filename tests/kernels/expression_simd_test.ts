import { assertEquals, assertThrows } from "@std/assert";
import { elementwise } from "../../kernels/elementwise.ts";
import { type Expr, input } from "../../kernels/expression.ts";
import { expressionLanes, hasLanes } from "../../kernels/expression_simd.ts";
import { FunctionBuilder } from "../../kernels/wasm/assembler.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const [x, y, z] = [input(0), input(1), input(2)];

const numbers = [-3, -1, -0.5, -0, 0, 0.5, 1, 2.5, 30, -30];
const special = [NaN, Infinity, -Infinity, 1e-40, 1e19];
const positive = [1e-3, 0.5, 1, 2, 70];

/** Expressions and the numbers that they are tried on. */
const CASES: readonly (readonly [string, Expr, readonly number[]])[] = [
  ["add", x.add(y), [...numbers, ...special]],
  ["sub", x.sub(y), [...numbers, ...special]],
  ["mul", x.mul(y), [...numbers, ...special]],
  ["div", x.div(y), numbers],
  ["neg", x.neg(), [...numbers, ...special]],
  ["exp", x.exp(), [...numbers, NaN, Infinity, -Infinity]],
  ["log", x.log(), [...positive, 0, ...special]],
  ["sqrt", x.sqrt(), [...positive, 0, NaN, Infinity]],
  ["rsqrt", x.rsqrt(), [...positive, 0, NaN, Infinity]],
  ["pow", x.pow(1.5).add(x.pow(-0.5)), [...positive, NaN]],
  ["tanh", x.tanh(), [...numbers, NaN, Infinity, -Infinity]],
  ["sigmoid", x.sigmoid(), [...numbers, NaN, Infinity, -Infinity]],
  ["abs", x.abs(), [...numbers, ...special]],
  ["sign", x.sign(), [...numbers, ...special]],
  ["max", x.max(y), [...numbers, ...special]],
  ["min", x.min(y), [...numbers, ...special]],
  ["greater", x.greater(y), [...numbers, ...special]],
  ["greaterEqual", x.greaterEqual(y), [...numbers, ...special]],
  ["equal", x.equal(y), [...numbers, ...special]],
  ["select", x.select(y, z.add(0.25)), [...numbers, ...special]],
];

for (const [name, output, values] of CASES) {
  // Every number meets every other.
  const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
  const { kernel, sizes } = elementwise({
    name,
    outputs: [output],
    shape: [pairs.length],
    operands: [[1], [1], [1]],
  });
  simdTest(kernel, [{
    buffers: {
      in0: pairs.map(([a]) => a),
      in1: pairs.map(([, b]) => b),
      in2: pairs.map(([, b]) => b),
      out0: pairs.length,
    },
    sizes,
  }], ELEMENTWISE);
}

Deno.test("expressionLanes() has no sine, and hasLanes() says so", () => {
  assertEquals(hasLanes([x.add(y)]), true);
  assertEquals(hasLanes([x, x.sin().add(1)]), false);
  assertThrows(
    () => {
      const f = new FunctionBuilder();
      expressionLanes(f, [x.cos()], () => f.constant(0));
    },
    TypeError,
    "Cannot write cos in vectors",
  );
});
