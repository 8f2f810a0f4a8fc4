import { assert, assertEquals } from "@std/assert";
import type { HostArray, Kernel, NumberArray } from "../../kernels/mod.ts";
import { assemble } from "../../kernels/wasm/form.ts";
import { assertClose, type Tolerance } from "./close.ts";
import { Draw } from "./for_all.ts";
import type { Launch } from "./forms.ts";

/** What lies between the buffers; as a number it is NaN. */
const AROUND = 0x7fc12345;
/** Bytes between buffers: what a form may read, but not write. */
const GAP = 64;

/**
 * Registers a test that runs the SIMD form of `kernel` whole and item by item,
 * as threads might share it out. Both must write the same bits, no byte outside
 * of the buffers, and what the definition gives in float64.
 */
export function simdTest<Name extends string, Size extends string>(
  kernel: Kernel<Name, Size>,
  launches: readonly Launch<Name, Size>[],
  tolerance: Tolerance,
): void {
  Deno.test(`${kernel.name} in SIMD equals its definition`, () => {
    for (const launch of launches) {
      const { sizes } = launch;
      const what = `${kernel.name} ${JSON.stringify(sizes)}`;
      assert(kernel.simd && (kernel.simd.fits?.(sizes) ?? true), what);
      const inputs = draw(kernel, launch);
      const found = run(kernel, sizes, inputs, Infinity);
      assertEquals(run(kernel, sizes, inputs, 1), found, `${what}: cuts`);
      const exact = inputs.map((numbers): NumberArray =>
        numbers instanceof Float32Array
          ? Float64Array.from(numbers)
          : numbers.slice()
      );
      kernel.define(named(kernel, exact), sizes);
      for (const [i, name] of kernel.buffers.entries()) {
        assertClose(
          exact[i] instanceof Uint32Array
            ? found[i]!
            : new Float32Array(found[i]!.buffer),
          exact[i]!,
          tolerance,
          `${what}: ${name}`,
        );
      }
    }
  });
}

function draw<Name extends string, Size extends string>(
  kernel: Kernel<Name, Size>,
  { buffers }: Launch<Name, Size>,
): HostArray[] {
  const random = new Draw(1);
  return kernel.buffers.map((name) => {
    const content: number | readonly number[] = buffers[name];
    const numbers = typeof content === "number"
      ? Array.from({ length: content }, () => 4 * random.uniform() - 2)
      : content;
    const type = kernel.reads[name] ?? kernel.writes[name];
    return type === "u32"
      ? Uint32Array.from(numbers)
      : Float32Array.from(numbers);
  });
}

/** Words of all buffers after a launch in pieces of at most `piece` items. */
function run<Name extends string, Size extends string>(
  kernel: Kernel<Name, Size>,
  sizes: Readonly<Record<Size, number>>,
  inputs: readonly HostArray[],
  piece: number,
): Uint32Array<ArrayBuffer>[] {
  const { simd } = kernel;
  const scratch = new Uint32Array(Math.ceil((simd!.scratch?.(sizes) ?? 0) / 4));
  const places: number[] = [];
  let end = GAP;
  for (const { byteLength } of [...inputs, scratch]) {
    places.push(end);
    end += Math.ceil(byteLength / GAP) * GAP + GAP;
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
  const words = new Uint32Array(memory.buffer).fill(AROUND);
  const parts = [...inputs, scratch].map((input, i) =>
    words.subarray(places[i]! / 4, places[i]! / 4 + input.length)
  );
  inputs.forEach((input, i) =>
    parts[i]!.set(new Uint32Array(input.buffer, 0, input.length))
  );
  const module = new WebAssembly.Module(assemble(kernel, { shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const call = exports["run"] as (...values: number[]) => void;
  const rest = [
    ...places.slice(0, -1),
    ...kernel.sizes.map((size) => sizes[size]),
    places.at(-1)!,
  ];
  const items = simd!.items(sizes);
  for (let begin = 0; begin < items; begin += piece) {
    call(begin, Math.min(begin + piece, items), ...rest);
  }
  const results = parts.slice(0, -1).map((part) => part.slice());
  for (const part of parts) part.fill(AROUND);
  const strays = words.findIndex((word) => word !== AROUND);
  assertEquals(strays, -1, `${kernel.name} writes outside of its buffers`);
  return results;
}

function named<Name extends string, Value>(
  { buffers }: Kernel<Name>,
  values: readonly Value[],
): Record<Name, Value> {
  const entries = buffers.map((name, i) => [name, values[i]!]);
  return Object.fromEntries(entries) as Record<Name, Value>;
}
