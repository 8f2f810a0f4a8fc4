import { assertEquals } from "@std/assert";
import { placeWeights, RMSNorm } from "../../nn/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("RMSNorm divides by the root of the mean square", async (device) => {
  const layer = new RMSNorm(2, { eps: 7 });
  assertEquals([...layer.gain.initial], [1, 1]);
  assertEquals(new RMSNorm(2).eps, 1e-5);
  const { arena } = placeWeights(layer, device);
  arena.write("values", new Map([["gain", Float32Array.of(1, -3)]]));
  const x = Tensor.from(device, [2, 2], [3, 3, 1, 5]);
  // Mean squares 9 and 13; with eps 16 and 20.
  const expected = [3 / 4, -9 / 4, 1 / Math.sqrt(20), -15 / Math.sqrt(20)];
  assertClose(await layer.forward(x).data(), expected, ELEMENTWISE);
});
