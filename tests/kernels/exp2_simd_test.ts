import { assertEquals } from "@std/assert";
import { exp2 } from "../../kernels/exp2_simd.ts";
import { FunctionBuilder } from "../../kernels/wasm/assembler.ts";
import { v128 } from "../../kernels/wasm/instructions.ts";
import { assertClose } from "../support/close.ts";
import { Draw } from "../support/for_all.ts";

/** 2^(x - base) of four pairs of numbers. */
const run = assembled();

function assembled(): (x: Float32Array, base: Float32Array) => Float32Array {
  const f = new FunctionBuilder();
  const at = f.parameter("i32");
  f.store(at, exp2(f, v128.load(at), v128.load(at, 16)), 32);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(f.module({ shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const call = exports["run"] as (at: number) => void;
  const numbers = new Float32Array(memory.buffer, 0, 12);
  return (x, base) => {
    numbers.set(x);
    numbers.set(base, 4);
    call(0);
    return numbers.slice(8);
  };
}

const ZEROS = new Float32Array(4);

Deno.test("exp2() is near the power of two", () => {
  const rng = new Draw(1);
  for (let i = 0; i < 1000; i++) {
    const x = Float32Array.from({ length: 4 }, () => 250 * rng.uniform() - 125);
    const expected = Array.from(x, (value) => 2 ** value);
    assertClose(run(x, ZEROS), expected, { absolute: 0, relative: 2e-7 });
  }
});

Deno.test("exp2() of whole numbers is exact", () => {
  const x = Float32Array.of(0, 1, -126, 127);
  assertEquals(run(x, ZEROS), Float32Array.of(1, 2, 2 ** -126, 2 ** 127));
});

Deno.test("exp2() changes exactly with its base", () => {
  const rng = new Draw(2);
  for (let i = 0; i < 100; i++) {
    const x = Float32Array.from({ length: 4 }, () => 100 * rng.uniform() - 80);
    const by = rng.integer(-20, 20);
    const expected = run(x, ZEROS).map((power) => power * 2 ** -by);
    assertEquals(run(x, new Float32Array(4).fill(by)), expected);
  }
});

Deno.test("exp2() gives 0 below normal numbers, and NaN for NaN", () => {
  const found = run(Float32Array.of(-127, -1e30, -3e38, NaN), ZEROS);
  assertEquals(found, Float32Array.of(0, 0, 0, NaN));
});
