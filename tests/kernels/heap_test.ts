import { assertEquals, assertLess } from "@std/assert";
import { Heap } from "../../kernels/heap.ts";
import { forAll } from "../support/for_all.ts";

Deno.test("Heap finds the lowest whatever was added and removed", () => {
  forAll((draw) => draw, (draw) => {
    const heap = new Heap<{ readonly n: number }>(({ n }) => n);
    const expected: { readonly n: number }[] = [];
    for (let turn = 0; turn < 200; turn++) {
      if (expected.length === 0 || draw.uniform() < .55) {
        const item = { n: draw.uniform() };
        heap.add(item);
        expected.push(item);
        expected.sort((a, b) => a.n - b.n);
      } else {
        const at = draw.uniform() < .5 ? 0 : draw.integer(0, expected.length);
        heap.remove(expected.splice(at, 1)[0]!);
      }
      assertEquals(heap.lowest, expected[0]);
      assertEquals(heap.items.length, expected.length);
    }
    assertEquals(new Set(heap.items), new Set(expected));
  }, 20);
});

Deno.test("Heap compares a logarithmic number of times", () => {
  const count = 4096;
  for (const order of [1, -1]) {
    let looks = 0;
    const heap = new Heap((item: number) => {
      looks += 1;
      return order * item;
    });
    for (let i = 0; i < count; i++) heap.add(i);
    for (let i = 0; i < count; i++) heap.remove(heap.lowest!);
    assertLess(looks, 5 * count * Math.log2(count));
  }
});
