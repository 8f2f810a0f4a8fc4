import { assertEquals } from "@std/assert";
import { bltPreset, bytesPreset, encode } from "../../blt/mod.ts";
import { type Device, openDevice, Scope } from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { devices } from "../support/devices.ts";
import { Trainer } from "./trainer.ts";

const CONTEXT = 512;
const STREAM = encode("All work and no play makes Jack a dull boy. ".repeat(40))
  .subarray(0, 2 * CONTEXT + 1);
const MODELS = [bltPreset("nano", { kind: "space" }), bytesPreset("nano")];

async function losses(
  device: Device,
  config: (typeof MODELS)[number],
): Promise<number[]> {
  using _scope = new Scope();
  const patcher = { kind: "space" } as const;
  const rows = { stream: STREAM, context: CONTEXT, patcher };
  const trainer = new Trainer(device, config, CONTEXT);
  const found: number[] = [];
  for (let i = 0; i < 2; i++) found.push(...await trainer.step(rows).data());
  return found;
}

// Long enough for tiles of matrices and attention, and for sums in parts.
for (const config of MODELS) {
  Deno.test({
    name: `${config.kind} trains alike as a real GPU does it`,
    ignore: devices.length < 2,
    async fn(): Promise<void> {
      using device = await openDevice("webgpu", { as: "nvidia" });
      const found = await losses(device, config);
      const expected = await losses(devices[0]!, config);
      assertClose(found, expected, { absolute: 0, relative: 2e-6 });
      assertEquals(await losses(device, config), found);
    },
  });
}
