import { bltPreset, type ModelConfig } from "../../blt/mod.ts";
import { devices } from "../support.ts";
import { equalBytes, PATCH_BYTES, SHAPE, trainerOf } from "./model_case.ts";

for (const device of devices) {
  for (const preset of ["nano", "micro"] as const) {
    const blt = bltPreset(preset, { kind: "static", bytes: PATCH_BYTES });
    const bytes = equalBytes(preset, blt);
    const { layers, dim } = bytes.transformer;
    const models: Readonly<Record<string, ModelConfig>> = {
      [`bytes, ${layers} layers of ${dim}`]: bytes,
      [`BLT ${preset}`]: blt,
    };
    for (const [name, config] of Object.entries(models)) {
      const trainer = trainerOf(config, device);
      Deno.bench({
        name,
        group: `training step of ${SHAPE.rows} x ${SHAPE.context} bytes (${
          SHAPE.rows * SHAPE.context / 1000
        } kB) at equal FLOPs, ${preset}, ${device.kind}`,
        baseline: config === bytes,
        n: 10,
        warmup: 3,
        async fn(): Promise<void> {
          trainer.step();
          await device.idle();
        },
      });
    }
  }
}
