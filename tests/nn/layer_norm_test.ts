import { assertEquals } from "@std/assert";
import { LayerNorm, placeWeights } from "../../nn/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "LayerNorm has mean 0 and variance 1 before its gain",
  async (device) => {
    const layer = new LayerNorm(2, { eps: 12 });
    assertEquals([...layer.gain.initial, ...layer.bias.initial], [1, 1, 0, 0]);
    assertEquals(new LayerNorm(2).eps, 1e-5);
    const { arena } = placeWeights(layer, device);
    arena.write(
      "values",
      new Map([
        ["gain", Float32Array.of(1, -3)],
        ["bias", Float32Array.of(0.5, 100)],
      ]),
    );
    const x = Tensor.from(device, [2, 2], [3, 7, 10, 10]);
    // Deviations -2 and 2, variance 4, with eps 16; then none.
    const expected = [-2 / 4 + 0.5, -6 / 4 + 100, 0.5, 100];
    assertClose(await layer.forward(x).data(), expected, ELEMENTWISE);
  },
);
