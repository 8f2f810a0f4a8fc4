import { assertEquals } from "@std/assert";
import * as ops from "../../tensor/ops/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { assertGradient, assertValue } from "./sample_check.ts";
import {
  assertSpecialGradients,
  assertSpecialValues,
} from "./special_check.ts";
import { samples } from "./samples/mod.ts";

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
}
