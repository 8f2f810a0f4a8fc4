import { placeWeights } from "../../nn/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyEndToEnd } from "./tiny_models.ts";
import { assertSessionIsWhole } from "./whole_pass.ts";

for (const kind of ["previous", "next"] as const) {
  deviceTest(
    `BodySession equals the whole forward pass of an end-to-end BLT, ${kind}`,
    async (device) => {
      const model = kind === "previous"
        ? tinyEndToEnd({ kind, bytes: 2 })
        : tinyEndToEnd({ kind, reaches: "branch" });
      const weights = placeWeights(model, device);
      const values = await weights.arena.read("values");
      values.set("threshold", Float32Array.of(5.12, 1));
      weights.arena.write("values", values);
      await assertSessionIsWhole(device, model);
    },
  );
}
