import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Linear, placeWeights } from "../../nn/mod.ts";
import { Rng, ShapeError, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const rng = new Rng(0);

deviceTest("Linear.forward() is x Wᵀ + b", async (device) => {
  const layer = new Linear(3, 2, { rng, bias: true });
  const { arena } = placeWeights(layer, device);
  arena.write(
    "values",
    new Map([
      ["weight", Float32Array.of(1, 2, 3, 4, 5, 6)],
      ["bias", Float32Array.of(0.5, -0.5)],
    ]),
  );
  const x = Tensor.from(device, [1, 2, 3], [1, 1, 1, 0, -1, 2]);
  const y = layer.forward(x);
  assertEquals([y.shape, [...await y.data()]], [[1, 2, 2], [
    6.5,
    14.5,
    4.5,
    6.5,
  ]]);

  const residual = Tensor.from(device, [1, 2, 2], [100, 200, 300, 400]);
  const z = layer.forward(x, { activation: (v) => v.mul(-2), residual });
  assertEquals([...await z.data()], [87, 171, 291, 387]);
});

Deno.test("Linear starts without bias, its weight at 1/√inDim", () => {
  const { weight, bias } = new Linear(400, 50, { rng });
  assertEquals([weight.shape, bias], [[50, 400], undefined]);
  const square = weight.initial.reduce((sum, x) => sum + x * x, 0);
  assertAlmostEquals(Math.sqrt(square / weight.size), 0.9866 / 20, 0.001);
  const wide = new Linear(400, 2, { rng, sigma: 3, bias: true });
  assertEquals(wide.weight.initial.some((x) => Math.abs(x) > 3), true);
  assertEquals([...wide.bias!.initial], [0, 0]);
});

deviceTest("Linear refuses rows of another width", (device) => {
  const layer = new Linear(3, 2, { rng });
  placeWeights(layer, device);
  const x = Tensor.from(device, [1, 4], [1, 2, 3, 4]);
  assertThrows(
    () => layer.forward(x),
    ShapeError,
    "Cannot apply linear to [1, 4] and [2, 3]",
  );
});
