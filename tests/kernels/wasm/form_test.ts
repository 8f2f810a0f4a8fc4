import { assertEquals, assertThrows } from "@std/assert";
import {
  assemble,
  type SimdForm,
  type SimdKernel,
  upTo,
} from "../../../kernels/wasm/form.ts";
import { f32, i32 } from "../../../kernels/wasm/instructions.ts";

const simd: SimdForm<"count" | "factor", "x" | "y"> = {
  items: ({ count }) => count,
  emit(f, { begin, end, buffers, sizes, fractions, scratch }): void {
    f.for({ from: begin, to: end }, (i) => {
      const at = i32.shl(i, 2);
      const x = f32.load(i32.add(buffers.x, at));
      f.store(i32.add(buffers.y, at), f32.mul(x, fractions.factor));
    });
    f.store(scratch, sizes.count);
  },
};
const kernel: SimdKernel = {
  name: "scale",
  buffers: ["x", "y"],
  sizes: ["count", "factor"],
  fractions: ["factor"],
  simd,
};

Deno.test("assemble() passes range, buffers, sizes and scratch", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assemble(kernel, { shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const numbers = new Float32Array(memory.buffer);
  numbers.set([1, 2, 3, 4]);
  (exports["run"] as (...args: number[]) => void)(1, 3, 0, 16, 4, 2.5, 64);
  assertEquals([...numbers.subarray(4, 8)], [0, 5, 7.5, 0]);
  assertEquals(new Int32Array(memory.buffer)[16], 4);
});

Deno.test("assemble() refuses a kernel without a form", () => {
  const bare: SimdKernel = { name: "bare", buffers: [], sizes: [] };
  assertThrows(() => assemble(bare, { shared: false }), TypeError, "bare");
});

Deno.test("upTo() is one form for small sizes and another above", () => {
  const writes = (value: number): SimdForm<"count", "y"> => ({
    items: () => value,
    ...(value === 1 ? {} : { grain: () => value, scratch: () => value }),
    emit: (f, { buffers }) => f.store(buffers.y, i32.const(value)),
  });
  const form = upTo({ size: "count", most: 3 }, {
    few: writes(1),
    many: writes(2),
  });
  const module = new WebAssembly.Module(
    assemble(
      { name: "either", buffers: ["y"], sizes: ["count"], simd: form },
      { shared: false },
    ),
  );
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (
    const [count, expected] of [
      [3, [1, 1, 0, 1]],
      [4, [2, 2, 2, 2]],
    ] as const
  ) {
    const sizes = { count };
    (exports["run"] as (...args: number[]) => void)(0, 1, 0, sizes.count, 64);
    const [written] = new Int32Array(memory.buffer);
    assertEquals(
      [form.items(sizes), form.grain!(sizes), form.scratch!(sizes), written],
      [...expected],
    );
  }
});
