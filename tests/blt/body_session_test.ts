import type { Objective } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyEndToEnd } from "./tiny_models.ts";
import { assertSessionIsWhole } from "./whole_pass.ts";

const OBJECTIVES: readonly Objective[] = [
  { kind: "previous", bytes: 2 },
  { kind: "next", reaches: "branch" },
  { kind: "routing" },
];

for (const objective of OBJECTIVES) {
  const { kind } = objective;
  deviceTest(
    `BodySession equals the whole forward pass of an end-to-end BLT, ${kind}`,
    async (device) => {
      const model = tinyEndToEnd(objective);
      const weights = placeWeights(model, device);
      if (kind !== "routing") {
        const values = await weights.arena.read("values");
        values.set("threshold", Float32Array.of(5.12, 1));
        weights.arena.write("values", values);
      }
      await assertSessionIsWhole(device, model);
    },
  );
}
