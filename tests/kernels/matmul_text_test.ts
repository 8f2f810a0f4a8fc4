import { assertEquals } from "@std/assert";
import { input } from "../../kernels/expression.ts";
import { storeText, unroll } from "../../kernels/matmul_text.ts";

Deno.test("unroll() numbers the lines", () => {
  assertEquals(unroll(3, (i) => `a${i}`), "a0\na1\na2");
});

Deno.test("storeText() adds what the structure asks for, in its order", () => {
  const text = (structure: Parameters<typeof storeText>[0]): string =>
    storeText(structure, "f32", "sum", "at", "column");
  assertEquals(text({}), "c[at] = sum;");
  assertEquals(
    text({ bias: true, base: true }),
    "c[at] = sum + bias[column] + base[at];",
  );
  const activated = text({ bias: true, base: true, activation: input(0) });
  assertEquals(
    activated.split("\n").map((line) => line.trim()).filter((line) => line),
    [
      "let argument = sum + bias[column];",
      "pre[at] = argument;",
      "let e0 = argument;",
      "c[at] = e0 + base[at];",
    ],
  );
});
