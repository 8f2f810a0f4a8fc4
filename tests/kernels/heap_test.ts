import { assertEquals, assertLess } from "@std/assert";
import { Heap, type HeapItem } from "../../kernels/heap.ts";
import { forAll } from "../support/for_all.ts";

Deno.test("Heap finds the lowest whatever was added and removed", () => {
  forAll((draw) => draw, (draw) => {
    const heap = new Heap();
    const expected: HeapItem[] = [];
    for (let turn = 0; turn < 200; turn++) {
      if (expected.length === 0 || draw.uniform() < .55) {
        const item = { id: draw.uniform(), place: 0 };
        heap.add(item);
        expected.push(item);
        expected.sort((a, b) => a.id - b.id);
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
    const heap = new Heap();
    for (let i = 0; i < count; i++) {
      heap.add({
        get id(): number {
          looks += 1;
          return order * i;
        },
        place: 0,
      });
    }
    for (let i = 0; i < count; i++) heap.remove(heap.lowest!);
    assertLess(looks, 8 * count * Math.log2(count));
  }
});
