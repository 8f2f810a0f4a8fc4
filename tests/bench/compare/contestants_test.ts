import { assertEquals, assertLess } from "@std/assert";
import { configOf, CONTESTANTS } from "../../../bench/compare/contestants.ts";
import { entropyModelPreset, flopsPerByte, planOf } from "../../../blt/mod.ts";

function planFor(name: string): ReturnType<typeof planOf> {
  return planOf({
    model: "blt",
    preset: "nano",
    patcher: "entropy",
    patchBytes: 4,
    seed: 1,
    ...CONTESTANTS[name],
  });
}

Deno.test("configOf() gives every contestant a model of its own", () => {
  const configs = Object.keys(CONTESTANTS).map((name) =>
    JSON.stringify(configOf(name, planFor(name)))
  );
  assertEquals(new Set(configs).size, configs.length);
});

Deno.test("configOf() scales a byte transformer to the FLOPs of BLT", () => {
  const plan = planFor("bytes-equal");
  const lengths = { context: plan.context, meanPatchBytes: 4 };
  const goal = flopsPerByte(configOf("entropy", planFor("entropy")), lengths) +
    flopsPerByte(entropyModelPreset("nano"), lengths);
  const found = flopsPerByte(configOf("bytes-equal", plan), lengths);
  assertLess(Math.abs(found / goal - 1), 0.1);
});
