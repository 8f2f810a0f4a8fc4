import { bltPreset } from "../../blt/mod.ts";
import { devices } from "../support.ts";
import { PATCH_BYTES, trainerOf } from "./model_case.ts";

// Windows bound what a byte sees, so a step should take time and memory in
// proportion to the context.
const config = bltPreset("nano", { kind: "static", bytes: PATCH_BYTES });

for (const device of devices) {
  for (const context of [256, 512, 1024, 2048, 4096]) {
    device.trim();
    const before = device.memory.liveBytes;
    const trainer = trainerOf(config, device, { rows: 1, context });
    trainer.step();
    const peak = (device.memory.peakBytes - before) / 1e6;
    Deno.bench({
      name: `1 x ${context} bytes (peak ${peak.toPrecision(3)} MB)`,
      group: `training step of BLT nano by context, ${device.kind}`,
      baseline: context === 256,
      n: 10,
      warmup: 3,
      async fn(): Promise<void> {
        trainer.step();
        await device.idle();
      },
    });
  }
}
