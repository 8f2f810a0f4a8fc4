import { assertEquals, assertStrictEquals } from "@std/assert";
import { headText, perHeadWidth } from "../../kernels/head.ts";

Deno.test("headText() takes four numbers at once where it can", () => {
  const { lanes, pieces, type, each, dot } = headText(8);
  assertEquals([lanes, pieces, type], [4, 2, "vec4f"]);
  assertEquals(each("a# += b[#];"), "a0 += b[0];\n  a1 += b[1];");
  assertEquals(dot("a#", "b#"), "dot(a0, b0) + dot(a1, b1)");
});

Deno.test("headText() takes single numbers of other widths", () => {
  const { lanes, pieces, type, dot } = headText(3);
  assertEquals([lanes, pieces, type], [1, 3, "f32"]);
  assertEquals(dot("a#", "b#"), "a0 * b0 + a1 * b1 + a2 * b2");
});

Deno.test("perHeadWidth() builds once for each width", () => {
  const build = perHeadWidth((width) => ({ width }));
  assertStrictEquals(build(4), build(4));
  assertEquals(build(8), { width: 8 });
});
