import { assertEquals } from "@std/assert";
import { openDevice, Scope } from "../../tensor/mod.ts";
import { devices } from "../support/devices.ts";
import { assertGradient, assertValue } from "./sample_check.ts";
import {
  assertSpecialGradients,
  assertSpecialValues,
} from "./special_check.ts";
import { samples } from "./samples/mod.ts";

// The forms that real GPUs run are correct on any adapter.
Deno.test({
  name: "every operation and its gradient are right as a real GPU runs them",
  ignore: devices.length < 2,
  async fn(test): Promise<void> {
    using device = await openDevice("webgpu", { as: "nvidia" });
    for (const sample of samples) {
      await test.step(`${sample.op}() ${sample.note ?? ""}`, async () => {
        {
          using _scope = new Scope();
          await assertValue(device, sample);
          await assertSpecialValues(device, sample);
          if (sample.differentiable !== false) {
            await assertGradient(device, sample);
            await assertSpecialGradients(device, sample);
          }
        }
        assertEquals(device.memory.liveBlocks, 0, "memory leaked");
      });
    }
  },
});
