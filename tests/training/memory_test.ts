import { assertAlmostEquals, assertGreater } from "@std/assert";
import type { BltConfig, ByteTransformerConfig } from "../../blt/mod.ts";
import { type Device, Scope } from "../../tensor/mod.ts";
import { bltConfig, bytesConfig } from "../blt/subject.ts";
import { deviceTest } from "../support/devices.ts";
import { Trainer } from "./trainer.ts";

/** Most bytes that a step holds beside the model, for one row of `context`. */
function peakOf(
  device: Device,
  config: BltConfig | ByteTransformerConfig,
  context: number,
): number {
  using _scope = new Scope();
  const trainer = new Trainer(device, config, context);
  const stream = Uint32Array.from(
    { length: context + 1 },
    (_, i) => 4 + 7 * i % 256,
  );
  const patcher = { kind: "static", bytes: 4 } as const;
  trainer.step({ stream, context, patcher }).dispose();
  device.trim();
  const { liveBytes } = device.memory;
  trainer.step({ stream, context, patcher }).dispose();
  return device.memory.peakBytes - liveBytes;
}

const MODELS: Readonly<Record<string, BltConfig | ByteTransformerConfig>> = {
  Blt: bltConfig({ kind: "byte" }),
  ByteTransformer: bytesConfig,
};

for (const [name, config] of Object.entries(MODELS)) {
  deviceTest(`${name} takes memory in proportion to its context`, (device) => {
    const peaks = [256, 512, 1024, 2048].map((context) =>
      peakOf(device, config, context)
    );
    const steps = peaks.slice(1).map((peak, i) => peak - peaks[i]!);
    // What grows with the square of the context would double the ratio.
    for (const [i, step] of steps.slice(1).entries()) {
      assertGreater(step, 256 * 260);
      assertAlmostEquals(step / steps[i]!, 2, 0.05);
    }
  });
}
