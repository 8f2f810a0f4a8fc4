import { add, checkpoint, mul, sum, type Tensor } from "../../tensor/mod.ts";
import { ELEMENTWISE, sumOf, type Tolerance } from "../support/close.ts";
import { lengthOf, type Sample, type SampleInput } from "./sample.ts";

/** Most numbers of an input: central differences take quadratic time. */
const LONGEST = 600;

/** Share of the sum of a tensor that a use of it elsewhere adds. */
const SHARE = 0.5;

/**
 * `sample` with each set of its inputs that may be one tensor: every pair of one
 * shape, and all of a shape when there are more. Inputs that are one are drawn
 * from where their domains overlap.
 */
export function withSharedInputs(sample: Sample): Sample[] {
  const { inputs } = sample;
  const sets: number[][] = [];
  for (const [i, input] of inputs.entries()) {
    if ("indices" in input || lengthOf(input) > LONGEST) continue;
    const alike = [...inputs.keys()].filter((j) =>
      j > i && fits(input, inputs[j]!)
    );
    sets.push(...alike.map((j) => [i, j]));
    if (alike.length > 1) sets.push([i, ...alike]);
  }
  return sets.map((set) => shared(sample, set));
}

function fits(a: SampleInput, b: SampleInput): boolean {
  return !("indices" in b) && String(a.shape) === String(b.shape);
}

/** `sample` with the inputs of the numbers in `set` being the first of them. */
function shared(sample: Sample, set: readonly number[]): Sample {
  const { inputs, note, run, reference } = sample;
  const [first = 0] = set;
  const own = [...inputs.keys()].filter((i) => i === first || !set.includes(i));
  /** What each of all inputs is, from the inputs that are left. */
  const spread = <T>(left: readonly T[]): T[] =>
    inputs.map((_, i) => left[own.indexOf(set.includes(i) ? first : i)]!);
  const domains = set.map((i) => {
    const input = inputs[i]!;
    return "domain" in input ? input.domain ?? [-2, 2] : [-2, 2];
  });
  const domain = [
    Math.max(...domains.map(([low = -2]) => low)),
    Math.min(...domains.map(([, high = 2]) => high)),
  ] as const;
  return {
    ...sample,
    note: `${note ? `${note}, ` : ""}inputs ${set.join(" and ")} being one`,
    inputs: own.map((i) =>
      i === first ? { shape: inputs[i]!.shape, domain } : inputs[i]!
    ),
    run: (...left) => run(...spread(left)),
    reference: (...left) => reference(...spread(left)),
  };
}

/**
 * `sample` with further uses of its input number `at`: before and after the
 * operation, by the same operation again, and from inside a checkpoint.
 */
export function withUsesElsewhere(sample: Sample, at: number): Sample[] {
  const { note, inputs, run, reference, tolerance = ELEMENTWISE } = sample;
  const elsewhere = (inputs: readonly Tensor[]): Tensor =>
    mul(sum(inputs[at]!), SHARE);
  const expected = (times: number) => (...inputs: number[][]): number[] => {
    const more = SHARE * inputs[at]!.reduce((a, b) => a + b, 0);
    return reference(...inputs).map((y) => times * y + more);
  };
  const length = lengthOf(inputs[at]!);
  const row = (
    how: string,
    run: Sample["run"],
    reference: Sample["reference"] = expected(1),
  ): Sample => ({
    ...sample,
    note: `${note ? `${note}, ` : ""}${how}`,
    run,
    reference,
    tolerance: larger(tolerance, sumOf(4 * length)),
  });
  return [
    row("used before", (...x) => add(elsewhere(x), run(...x))),
    row("used after", (...x) => add(run(...x), elsewhere(x))),
    row(
      "used twice and elsewhere",
      (...x) => add(add(run(...x), elsewhere(x)), run(...x)),
      expected(2),
    ),
    row(
      "in a checkpoint",
      (...x) => add(elsewhere(x), checkpoint(() => run(...x))),
    ),
    row(
      "used before, all in a checkpoint",
      (...x) => checkpoint(() => add(elsewhere(x), run(...x))),
    ),
  ];
}

function larger(a: Tolerance, b: Tolerance): Tolerance {
  return {
    absolute: Math.max(a.absolute, b.absolute),
    relative: Math.max(a.relative, b.relative),
  };
}
