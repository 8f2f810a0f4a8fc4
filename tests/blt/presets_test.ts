import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import {
  Blt,
  bltPreset,
  bytesPreset,
  countParameters,
  endToEndPreset,
  entropyModelPreset,
  flopsPerByte,
  PRESET_NAMES,
  stackedPreset,
} from "../../blt/mod.ts";

Deno.test("bltPreset() has the sizes that its names promise", () => {
  const { compute, lookup } = countParameters(
    new Blt(bltPreset("nano", { kind: "space" })),
  );
  assertAlmostEquals(compute, 0.9e6, 0.05e6);
  assertAlmostEquals(lookup, 0.8e6, 0.05e6);
});

Deno.test("every preset of every model is a good configuration", () => {
  for (const preset of PRESET_NAMES) {
    // Each checks itself and throws otherwise.
    bltPreset(preset, { kind: "byte" });
    bytesPreset(preset);
    entropyModelPreset(preset);
    endToEndPreset(preset, { patchBytes: 4.5 });
    for (const levels of [1, 2, 3]) {
      stackedPreset(preset, { kind: "space" }, { levels, patchBytes: 4 });
    }
  }
});

Deno.test("larger presets take more FLOPs", () => {
  const lengths = { context: 512, meanPatchBytes: 4 };
  let before = 0;
  for (const preset of PRESET_NAMES) {
    const flops = flopsPerByte(bltPreset(preset, { kind: "byte" }), lengths);
    assert(flops > before, preset);
    before = flops;
  }
});

Deno.test("stackedPreset() refuses levels that it cannot build", () => {
  for (const levels of [0, 1.5, 4]) {
    assertThrows(
      () => stackedPreset("nano", { kind: "byte" }, { levels, patchBytes: 4 }),
      RangeError,
      `levels must be 1, 2 or 3, got ${levels}`,
    );
  }
});
