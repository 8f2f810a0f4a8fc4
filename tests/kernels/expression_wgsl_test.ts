import { assertEquals, assertStringIncludes } from "@std/assert";
import { input } from "../../kernels/expression.ts";
import { expressionSource } from "../../kernels/expression_wgsl.ts";

const [x, y] = [input(0), input(1)];

Deno.test("expressionSource() names each part once", () => {
  const product = x.mul(y);
  const { statements, values } = expressionSource(
    [product.add(product.exp()), product.div(2)],
    "f32",
    (i) => `in${i}[id]`,
  );
  assertEquals(statements.split("\n").map((line) => line.trim()), [
    "let e0 = in0[id];",
    "let e1 = in1[id];",
    "let e2 = e0 * e1;",
    "let e3 = exp(e2);",
    "let e4 = e2 + e3;",
    "let e5 = e2 / f32(2.0);",
  ]);
  assertEquals(values, ["e4", "e5"]);
});

Deno.test("expressionSource() writes vectors and f32 literals", () => {
  const { statements, values } = expressionSource(
    [x.mul(0.1).add(1e12).div(-1e-7)],
    "vec4f",
    () => "v",
  );
  assertEquals(statements.split("\n").map((line) => line.trim()), [
    "let e0 = v;",
    "let e1 = e0 * vec4f(0.10000000149011612);",
    "let e2 = e1 + vec4f(999999995904.0);",
    "let e3 = e2 / vec4f(-1.0000000116860974e-7);",
  ]);
  assertEquals(values, ["e3"]);
});

Deno.test("expressionSource() compares bits where NaN counts", () => {
  const source = (type: "f32" | "vec4f"): string =>
    expressionSource([x.greater(y)], type, (i) => `in${i}`).statements;
  for (const [type, bits] of [["f32", "u32"], ["vec4f", "vec4u"]] as const) {
    assertStringIncludes(
      source(type),
      `(bitcast<${bits}>(e0) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u)`,
    );
  }
});
