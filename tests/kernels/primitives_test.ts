import { assertEquals, assertStrictEquals } from "@std/assert";
import { BlockProgram } from "../../kernels/block_program.ts";
import {
  constant,
  type Expr,
  input,
  type Primitive,
} from "../../kernels/expression.ts";
import { differentiate, PRIMITIVES } from "../../kernels/primitives.ts";
import { assertClose } from "../support/close.ts";

const [x, y, z] = [input(0), input(1), input(2)];

function evaluate(output: Expr, values: readonly number[]): number {
  const program = new BlockProgram([output]);
  for (const [i, block] of program.inputs) block[0] = values[i]!;
  program.run(1);
  return program.outputs[0]![0]!;
}

/** Each primitive applied to inputs, and the value it must have. */
const CASES: Readonly<
  Record<Primitive, [Expr, (x: number, y: number, z: number) => number]>
> = {
  add: [x.add(y), (a, b) => a + b],
  sub: [x.sub(y), (a, b) => a - b],
  mul: [x.mul(y), (a, b) => a * b],
  div: [x.div(y), (a, b) => a / b],
  neg: [x.neg(), (a) => -a],
  exp: [x.exp(), Math.exp],
  log: [x.log(), Math.log],
  sqrt: [x.sqrt(), Math.sqrt],
  rsqrt: [x.rsqrt(), (a) => a ** -0.5],
  pow: [x.pow(1.7), (a) => a ** 1.7],
  tanh: [x.tanh(), Math.tanh],
  sigmoid: [x.sigmoid(), (a) => 1 / (1 + Math.exp(-a))],
  sin: [x.sin(), Math.sin],
  cos: [x.cos(), Math.cos],
  abs: [x.sub(1).abs(), (a) => Math.abs(a - 1)],
  sign: [x.sub(1).sign(), (a) => Math.sign(a - 1)],
  max: [x.max(y), (a, b) => Math.max(a, b)],
  min: [x.min(y), (a, b) => Math.min(a, b)],
  greater: [x.greater(y), (a, b) => Number(a > b)],
  greaterEqual: [x.greaterEqual(y), (a, b) => Number(a >= b)],
  equal: [x.equal(y), (a, b) => Number(a === b)],
  select: [x.greater(1).select(y, z), (a, b, c) => a > 1 ? b : c],
};

const POINTS = [[0.3, 1.2, -0.4], [1.6, 0.7, 2.1], [2.5, 2.4, -1]];

for (const op of Object.keys(PRIMITIVES) as Primitive[]) {
  const [output, reference] = CASES[op];

  Deno.test(`${op} has its value and its derivative`, () => {
    const h = 1e-5;
    for (const point of POINTS) {
      const at = (values: readonly number[]): number =>
        reference(...values as [number, number, number]);
      assertClose([evaluate(output, point)], [at(point)], {
        absolute: 1e-15,
        relative: 1e-14,
      });
      for (let i = 0; i < 3; i++) {
        const slope = (at(point.with(i, point[i]! + h)) -
          at(point.with(i, point[i]! - h))) /
          (2 * h);
        assertClose([evaluate(differentiate(output, i), point)], [slope], {
          absolute: 1e-8,
          relative: 1e-8,
        });
      }
    }
  });
}

Deno.test("differentiate() simplifies", () => {
  assertStrictEquals(differentiate(x.add(y), 0), constant(1));
  assertStrictEquals(differentiate(x.mul(y), 0), y);
  assertStrictEquals(differentiate(x.greater(y), 0), constant(0));
  assertStrictEquals(differentiate(x.exp(), 1), constant(0));
});

Deno.test("differentiate() keeps what is not finite out of select", () => {
  const safe = x.greater(0).select(x.sqrt().mul(x.log()), 0);
  assertEquals(evaluate(differentiate(safe, 0), [0]), 0);
  assertEquals(evaluate(differentiate(safe, 0), [-1]), 0);
});

Deno.test("differentiate() follows the first operand in a tie", () => {
  const tie = [2, 2];
  assertEquals(evaluate(differentiate(x.max(y), 0), tie), 1);
  assertEquals(evaluate(differentiate(x.max(y), 1), tie), 0);
  assertEquals(evaluate(differentiate(x.min(y), 0), tie), 1);
  assertEquals(evaluate(differentiate(x.abs(), 0), [0]), 0);
});
