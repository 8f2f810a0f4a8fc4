import type { PatcherConfig, Uncertainty } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyStacked } from "./tiny_models.ts";
import { assertSessionIsWhole } from "./whole_pass.ts";

/** The last number is a threshold amid the scores of untrained weights. */
const CASES: readonly [PatcherConfig, Uncertainty, number][] = [
  [{ kind: "static", bytes: 2 }, { kind: "cost", of: "rate", weight: 1 }, 1.5],
  [{ kind: "space" }, { kind: "fixed" }, 0],
  [{ kind: "byte" }, { kind: "cost", of: "total", weight: 1 }, 1.4],
];

for (const [patcher, uncertainty, threshold] of CASES) {
  for (const levels of [1, 2, 3]) {
    deviceTest(
      `LevelSession equals the whole forward pass, ${levels} levels, ${patcher.kind} patches, ${uncertainty.kind}`,
      async (device) => {
        const model = tinyStacked(levels, patcher, uncertainty);
        const weights = placeWeights(model, device);
        const values = await weights.arena.read("values");
        for (const name of values.keys()) {
          if (!name.endsWith("threshold")) continue;
          values.set(name, Float32Array.of(threshold, 1));
        }
        weights.arena.write("values", values);
        await assertSessionIsWhole(device, model);
      },
    );
  }
}
