import { assertEquals } from "@std/assert";
import { backward, type Device, Rng, Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE, sumOf } from "../support/close.ts";
import { lengthOf, type Sample, type SampleInput } from "./sample.ts";

/** Step of the central differences of the float64 reference. */
const STEP = 1e-5;
const rng = new Rng(0);

/** Random numbers that float32 holds exactly, so both sides see the same. */
export function draw(input: SampleInput): number[] {
  if ("indices" in input) return [...input.indices];
  const [low, high] = input.domain ?? [-2, 2];
  return Array.from(
    { length: lengthOf(input) },
    () => Math.fround(low + (high - low) * rng.uniform()),
  );
}

/** Tensors of the inputs of a sample. */
export function upload(
  device: Device,
  { inputs }: Sample,
  values: readonly number[][],
): Tensor[] {
  return inputs.map((input, i) =>
    Tensor.from(
      device,
      input.shape,
      "indices" in input ? Uint32Array.from(values[i]!) : values[i]!,
    )
  );
}

/** Numbers or indices of a tensor. */
export async function read(tensor: Tensor): Promise<ArrayLike<number>> {
  return tensor.dtype === "u32" ? await tensor.indices() : await tensor.data();
}

/** Checks that a sample has the value of its reference, twice the same. */
export async function assertValue(
  device: Device,
  sample: Sample,
): Promise<void> {
  const { run, reference, inputs, tolerance = ELEMENTWISE } = sample;
  const values = inputs.map(draw);
  const [found, again] = await Promise.all(
    [1, 2].map(() => read(run(...upload(device, sample, values)))),
  );
  assertClose(found!, reference(...values), tolerance);
  assertEquals(again, found);
}

/** Checks that a sample has the gradient of its reference. */
export async function assertGradient(
  device: Device,
  sample: Sample,
): Promise<void> {
  const { run, reference, inputs, tolerance = ELEMENTWISE } = sample;
  const values = inputs.map(draw);
  const tensors = upload(device, sample, values);
  const out = run(...tensors);
  const weights = draw({ shape: out.shape, domain: [-1, 1] });
  const seed = Tensor.from(device, out.shape, weights);
  const wrt = tensors.filter((tensor) => tensor.dtype === "f32");
  const grads = await Promise.all(
    backward(out, wrt, { seed }).map((grad) => grad?.data()),
  );

  // Central differences of L = <weights, op(inputs)>, all in float64.
  const loss = (at: number[][]): number =>
    reference(...at).reduce((sum, y, i) => sum + y * weights[i]!, 0);
  for (const [k, tensor] of wrt.entries()) {
    const at = tensors.indexOf(tensor);
    const expected = values[at]!.map((value, j) => {
      const nudge = (by: number): number =>
        loss(values.map((x, i) => i === at ? x.with(j, value + by) : x));
      return (nudge(STEP) - nudge(-STEP)) / (2 * STEP);
    });
    const found = grads[k] ?? expected.map(() => 0);
    const sum = sumOf(weights.length);
    assertClose(found, expected, {
      absolute: Math.max(sum.absolute, tolerance.absolute),
      relative: Math.max(sum.relative, tolerance.relative),
    }, `gradient of input ${at}, element`);
  }
}
