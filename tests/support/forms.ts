import type {
  Device,
  HostArray,
  Kernel,
  NumberArray,
  WgslForm,
} from "../../kernels/mod.ts";
import { assertClose, type Tolerance } from "./close.ts";
import { devices } from "./devices.ts";
import { Draw } from "./for_all.ts";

/** Arrays of what buffers hold. */
const ARRAYS = { f32: Float32Array, u32: Uint32Array, f16: Float16Array };

/** One launch of a kernel. */
export interface Launch<Name extends string, Size extends string> {
  /** For each buffer its first contents, or how many numbers to draw. */
  readonly buffers: Readonly<Record<Name, number | readonly number[]>>;
  /** Sizes of the launch. */
  readonly sizes: Readonly<Record<Size, number>>;
}

/**
 * Registers a test that runs every form of `kernel` that fits, on every device
 * that has its types, and compares what it writes with the definition in
 * float64.
 */
export function formsTest<Name extends string, Size extends string>(
  kernel: Kernel<Name, Size>,
  launches: readonly Launch<Name, Size>[],
  tolerance: Tolerance,
): void {
  const types = Object.values({ ...kernel.reads, ...kernel.writes });
  for (const device of devices) {
    const halves = types.includes("f16");
    if (halves && device.kind === "cpu") continue;
    const ignore = halves && !device.halves;
    const forms = device.kind === "cpu"
      ? [undefined]
      : kernel.forms.map(({ fits, ...form }) => ({ fits, form }));
    for (const [i, chosen] of forms.entries()) {
      const one = chosen ? { ...kernel, forms: [chosen.form] } : kernel;
      const name = `${kernel.name} form ${i} equals its definition`;
      Deno.test(`${name} [${device.kind}]`, { ignore }, async () => {
        let ran = 0;
        for (const launch of launches) {
          if (chosen && !allows(chosen.fits, launch.sizes)) continue;
          ran += 1;
          await check(device, one, launch, tolerance);
        }
        if (ran === 0) throw new Error(`${name}: no launch fits it`);
      });
    }
  }
}

function allows<Size extends string>(
  fits: WgslForm<Size>["fits"] | undefined,
  sizes: Readonly<Record<Size, number>>,
): boolean {
  return !fits || fits("software", sizes) || fits("nvidia", sizes);
}

async function check<Name extends string, Size extends string>(
  device: Device,
  kernel: Kernel<Name, Size>,
  { buffers, sizes }: Launch<Name, Size>,
  tolerance: Tolerance,
): Promise<void> {
  const draw = new Draw(1);
  const host = kernel.buffers.map((name): [Name, HostArray | Float16Array] => {
    const content: number | readonly number[] = buffers[name];
    const type = kernel.reads[name] ?? kernel.writes[name];
    const numbers = typeof content === "number"
      ? Array.from({ length: content }, () => 4 * draw.uniform() - 2)
      : content;
    return [name, ARRAYS[type!].from(numbers)];
  });
  const stored = host.map(([name, numbers]) => {
    const storage = device.allocate(numbers.byteLength);
    device.write(
      storage,
      numbers instanceof Float16Array ? wordsOf(numbers) : numbers,
    );
    return [name, storage] as const;
  });
  const exact = host.map(([name, numbers]): [Name, NumberArray] => [
    name,
    numbers instanceof Uint32Array
      ? numbers.slice()
      : Float64Array.from(numbers),
  ]);
  device.launch(kernel, recordOf(stored), sizes);
  kernel.define(recordOf(exact), sizes);
  const found = await device.read(stored.map(([, storage]) => storage));
  for (const [, storage] of stored) device.free(storage);
  for (const [i, [name, expected]] of exact.entries()) {
    const type = kernel.reads[name] ?? kernel.writes[name];
    assertClose(
      new ARRAYS[type!](found[i]!),
      expected,
      tolerance,
      `${JSON.stringify(sizes)}: ${name}`,
    );
  }
}

/** The same bytes, with 2 more behind an odd number of halves. */
function wordsOf(halves: Float16Array): Uint32Array {
  const padded = new Float16Array(2 * Math.ceil(halves.length / 2));
  padded.set(halves);
  return new Uint32Array(padded.buffer);
}

function recordOf<Name extends string, Value>(
  entries: readonly (readonly [Name, Value])[],
): Record<Name, Value> {
  return Object.fromEntries(entries) as Record<Name, Value>;
}
