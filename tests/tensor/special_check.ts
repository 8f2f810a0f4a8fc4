import { AssertionError } from "@std/assert";
import { backward, type Device, Scope, Tensor } from "../../tensor/mod.ts";
import { Float64Device } from "../reference/float64_device.ts";
import { ELEMENTWISE, type Tolerance } from "../support/close.ts";
import { MOST, type Sample } from "./sample.ts";
import { draw, read, upload } from "./sample_check.ts";

/** Least normal f32, and one below it. */
const LEAST = 2 ** -126;
const SUBNORMAL = 2 ** -140;

/** What every operation meets at some places of each of its inputs. */
const SPECIALS: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  MOST,
  -MOST,
  LEAST,
  -0,
  SUBNORMAL,
];

/** Inputs of a sample, and where they hold something special. */
interface Planted {
  readonly values: number[][];
  readonly what: string;
}

/** Each special number at one place of each input, and at all places. */
function* plantedIn(sample: Sample): Generator<Planted> {
  const { inputs, most = MOST } = sample;
  let place = 0;
  for (const special of SPECIALS) {
    const value = Math.abs(special) === MOST
      ? Math.sign(special) * most
      : special;
    for (const [k, input] of inputs.entries()) {
      if ("indices" in input) continue;
      const values = inputs.map(draw);
      const own = values[k]!;
      if (own.length === 0) continue;
      place = (5 * place + 3) % own.length;
      const one = values.with(k, own.with(place, value));
      yield { values: one, what: `${value} at ${place} of input ${k}` };
      if (own.length < 2) continue;
      const all = values.with(k, own.map(() => value));
      yield { values: all, what: `${value} everywhere in input ${k}` };
    }
  }
}

/**
 * Whether a number found in f32 is the expected one: NaN for NaN, the same
 * infinity, and otherwise what tolerance allows; a result below the least
 * normal number may be 0.
 */
function agrees(
  found: number,
  expected: number,
  { absolute, relative }: Tolerance,
): boolean {
  const rounded = Math.fround(expected);
  if (!Number.isFinite(rounded)) return Object.is(found, rounded);
  return Math.abs(found - expected) <= absolute + relative * Math.abs(expected);
}

/** Throws unless each number found agrees with one of those expected. */
function assertSpecial(
  found: ArrayLike<number>,
  expected: readonly ArrayLike<number>[],
  { tolerance: { absolute, relative }, leaks = false, what }: {
    readonly tolerance: Tolerance;
    readonly leaks?: boolean | undefined;
    readonly what: string;
  },
): void {
  // Large numbers cancel; what is left of them has their errors.
  const largest = expected.reduce(
    (most, all) =>
      Array.from(all).reduce(
        (most, value) =>
          Number.isFinite(Math.fround(value))
            ? Math.max(most, Math.abs(value))
            : most,
        most,
      ),
    1,
  );
  const tolerance = { absolute: absolute * largest, relative };
  for (let i = 0; i < expected[0]!.length; i++) {
    const own = found[i]!;
    if (leaks && Number.isNaN(own)) continue;
    if (expected.some((all) => agrees(own, all[i]!, tolerance))) continue;
    throw new AssertionError(
      `${what}: element ${i} is ${own}, expected ${
        [...new Set(expected.map((all) => all[i]))].join(" or ")
      }`,
    );
  }
}

/** The inputs, and with 0 for subnormal numbers, which WGSL may take them for. */
function readings({ kind }: Device, values: number[][]): number[][][] {
  if (kind === "cpu") return [values];
  return [
    values,
    values.map((own) => own.map((v) => Math.abs(v) < LEAST ? 0 * v : v)),
  ];
}

/** Checks the values of a sample where its inputs hold special numbers. */
export async function assertSpecialValues(
  device: Device,
  sample: Sample,
): Promise<void> {
  const { run, reference, tolerance = ELEMENTWISE, leaks } = sample;
  using _scope = new Scope();
  const planted = [...plantedIn(sample)];
  // One wait for all, since a wait for WebGPU takes longer than the rest.
  const found = await Promise.all(
    planted.map(({ values }) => read(run(...upload(device, sample, values)))),
  );
  for (const [i, { values, what }] of planted.entries()) {
    const expected = readings(device, values).map((all) => reference(...all));
    assertSpecial(found[i]!, expected, { tolerance, leaks, what });
  }
}

/** Gradients of a sample in the order of its f32 inputs, 0 where it has none. */
function gradients(
  device: Device,
  sample: Sample,
  values: readonly number[][],
): (Tensor | undefined)[] {
  const tensors = upload(device, sample, values);
  const out = sample.run(...tensors);
  const weights = Array.from({ length: out.size }, (_, i) => 1 - i % 3 / 4);
  const seed = Tensor.from(device, out.shape, weights);
  const wrt = tensors.filter((tensor) => tensor.dtype === "f32");
  return backward(out, wrt, { seed });
}

/** Checks the gradients against those of the kernels' definitions in float64. */
export async function assertSpecialGradients(
  device: Device,
  sample: Sample,
): Promise<void> {
  const { inputs, tolerance = ELEMENTWISE, leaks } = sample;
  const oracle = new Float64Device();
  const sizes = inputs.flatMap((input, i) => "indices" in input ? [] : [i]);
  using _scope = new Scope();
  const planted = [...plantedIn(sample)];
  const found = await Promise.all(
    planted.map(({ values }) =>
      Promise.all(
        gradients(device, sample, values).map((grad) => grad?.data()),
      )
    ),
  );
  for (const [at, { values, what }] of planted.entries()) {
    const expected = readings(device, values).map((all) =>
      gradients(oracle, sample, all).map((grad) =>
        grad ? oracle.numbers(grad.storage) : undefined
      )
    );
    for (const [i, grad] of found[at]!.entries()) {
      const all = expected.map((own) =>
        own[i] ?? new Float64Array(values[sizes[i]!]!.length)
      );
      const own = grad ?? all[0]!.map(() => 0);
      const { absolute, relative } = tolerance;
      assertSpecial(own, all, {
        tolerance: { absolute: 10 * absolute, relative: 10 * relative },
        leaks,
        what: `gradient of input ${sizes[i]}, ${what}`,
      });
    }
  }
}
