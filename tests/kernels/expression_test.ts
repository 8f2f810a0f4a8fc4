import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  constant,
  expandPowers,
  type Expr,
  input,
  inputsOf,
  NOTHING,
  partsOf,
} from "../../kernels/expression.ts";

const [x, y] = [input(0), input(1)];

Deno.test("Expr makes equal expressions the same object", () => {
  assertStrictEquals(x.mul(y).add(1), x.mul(y).add(1));
  assertEquals(x.mul(y) === y.mul(x), false);
});

Deno.test("Expr folds constants and drops zeros and ones", () => {
  assertStrictEquals(x.add(0), x);
  assertStrictEquals(constant(0).add(x), x);
  assertStrictEquals(x.mul(1), x);
  assertStrictEquals(NOTHING.mul(x).add(y), y);
  assertStrictEquals(constant(0).sub(x), x.neg());
  assertStrictEquals(x.neg().neg(), x);
  assertStrictEquals(x.div(1), x);
  assertStrictEquals(constant(2).mul(3).add(4), constant(10));
  assertStrictEquals(y.select(x, x), x);
});

Deno.test("Expr multiplies by 0 what may not be finite", () => {
  assertEquals(x.mul(0).op, "mul");
  assertEquals(constant(0).div(x).op, "div");
});

Deno.test("expandPowers() multiplies for a whole exponent", () => {
  const expand = (exponent: number): Expr =>
    expandPowers([x.pow(exponent).add(1)])[0]!.args[0]!;
  assertStrictEquals(expand(3), x.mul(x).mul(x));
  assertEquals(partsOf([expand(16)]).length, 5);
  assertStrictEquals(x.pow(0), constant(1));
  assertStrictEquals(x.pow(1), x);
  assertStrictEquals(expand(-1), constant(1).div(x));
  assertEquals(expand(0.5), x.pow(0.5));
  assertStrictEquals(expand(100), x.abs().pow(100));
  assertStrictEquals(expand(65), x.abs().pow(64).mul(x));
  assertStrictEquals(expand(-65), x.abs().pow(-64).div(x));
});

Deno.test("constant() throws for what f32 cannot hold", () => {
  assertThrows(() => constant(1e39), RangeError, "expected a finite f32");
  assertThrows(() => constant(NaN), RangeError);
});

Deno.test("partsOf() lists each part once, operands first", () => {
  const shared = x.mul(y);
  const parts = partsOf([shared.add(shared.exp()), shared]);
  assertEquals(parts.length, 5);
  for (const part of parts) {
    for (const arg of part.args) {
      assertEquals(parts.indexOf(arg) < parts.indexOf(part), true);
    }
  }
});

Deno.test("inputsOf() lists used inputs in order", () => {
  assertEquals(inputsOf([input(5).add(input(2)), x]), [0, 2, 5]);
});
