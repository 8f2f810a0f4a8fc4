import { assertEquals } from "@std/assert";
import * as ops from "../../tensor/ops/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { assertGradient, assertValue } from "./sample_check.ts";
import {
  assertSpecialGradients,
  assertSpecialValues,
} from "./special_check.ts";
import { samples } from "./samples/mod.ts";
import { withSharedInputs, withUsesElsewhere } from "./shared_inputs.ts";

Deno.test("every exported operation has a sample", () => {
  const exported = Object.entries(ops)
    .filter(([, value]) => typeof value === "function")
    .map(([name]) => name);
  const sampled = new Set(samples.map(({ op }) => op));
  assertEquals(exported.filter((name) => !sampled.has(name)), []);
});

for (const sample of samples) {
  const { op, note } = sample;
  const name = note ? `${op}() ${note}` : `${op}()`;
  deviceTest(
    `${name} matches its float64 reference`,
    (device) => assertValue(device, sample),
  );
  deviceTest(
    `${name} of special numbers matches its reference`,
    (device) => assertSpecialValues(device, sample),
  );
  if (sample.differentiable === false) continue;
  deviceTest(
    `${name} has the gradient of its reference`,
    (device) => assertGradient(device, sample),
  );
  deviceTest(
    `${name} of special numbers has the gradient of its definition`,
    (device) => assertSpecialGradients(device, sample),
  );
  const shared = withSharedInputs(sample);
  if (shared.length === 0) continue;
  deviceTest(`${name} counts each use of one tensor once`, async (device) => {
    const rows = shared.flatMap((row) => [
      row,
      ...row.inputs.flatMap((input, at) =>
        "indices" in input ? [] : withUsesElsewhere(row, at)
      ),
    ]);
    await Promise.all(rows.map(async (row) => {
      try {
        await Promise.all([
          assertValue(device, row),
          assertGradient(device, row),
        ]);
      } catch (cause) {
        throw new Error(`${op}() ${row.note}`, { cause });
      }
    }));
  });
}

Deno.test("every operation of several inputs has a row where they can be one", () => {
  const several = samples.filter(({ inputs, differentiable = true }) =>
    differentiable && inputs.filter((input) => !("indices" in input)).length > 1
  );
  const shared = new Set(
    several.filter((row) => withSharedInputs(row).length > 0)
      .map(({ op }) => op),
  );
  // Their inputs cannot be of one shape.
  for (const op of ["crossAttention", "smooth"]) shared.add(op);
  assertEquals(
    several.map(({ op }) => op).filter((op) => !shared.has(op)),
    [],
  );
});
