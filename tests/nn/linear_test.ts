import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Linear, placeWeights } from "../../nn/mod.ts";
import { backward, Rng, ShapeError, Tensor } from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const rng = new Rng(0);

/** Numbers between -1 and 1 that f16 does not hold. */
function numbers(length: number): Float32Array {
  return Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
}

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

deviceTest(
  "Linear with weights in f16 sums in f32, and trains weights in f32",
  async (device) => {
    const layer = new Linear(5, 3, { rng, bias: true });
    const { initial } = layer.weight;
    const weights = placeWeights(layer, device, { storage: "f16" });
    const [x, g] = [numbers(4 * 5), numbers(4 * 3)];
    const input = Tensor.from(device, [4, 5], x);
    const y = layer.forward(input);
    const seed = Tensor.from(device, [4, 3], g);
    const wrt = [input, layer.weight.value];
    const [dx, dw] = backward(y, wrt, { seed });

    const rounded = initial.map(Math.f16round);
    const product = (
      [rows, columns, inner]: readonly [number, number, number],
      term: (row: number, column: number, i: number) => number,
    ): number[] =>
      Array.from({ length: rows * columns }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < inner; i++) {
          sum += term(Math.floor(at / columns), at % columns, i);
        }
        return sum;
      });
    const forward = (w: Float32Array): number[] =>
      product([4, 3, 5], (r, c, i) => x[r * 5 + i]! * w[c * 5 + i]!);
    assertClose(await y.data(), forward(rounded), sumOf(5));
    assertThrows(() =>
      assertClose(forward(initial), forward(rounded), sumOf(5))
    );
    assertClose(
      await dx!.data(),
      product([4, 5, 3], (r, c, i) => g[r * 3 + i]! * rounded[i * 5 + c]!),
      sumOf(3),
    );
    assertClose(
      await dw!.data(),
      product([3, 5, 4], (r, c, i) => g[i * 3 + r]! * x[i * 5 + c]!),
      sumOf(4),
    );
    const kept = await weights.arena.read("values");
    assertEquals(kept.get("weight"), initial);
  },
  { halves: true },
);

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
