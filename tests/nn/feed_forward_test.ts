import { GELU, placeWeights, SwiGLU } from "../../nn/mod.ts";
import { Rng, Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const X = [0.5, -1.5];
const RESIDUAL = [10, 20];

/** W x for a W of two columns. */
function product(w: readonly number[], x: readonly number[]): number[] {
  return Array.from(
    { length: w.length / x.length },
    (_, i) => x.reduce((sum, v, j) => sum + w[i * x.length + j]! * v, 0),
  );
}

deviceTest(
  "SwiGLU is W2 (silu(W1 x) * (W3 x)) plus a residual",
  async (device) => {
    const layer = new SwiGLU(2, { hiddenDim: 2, rng: new Rng(0) });
    const { arena } = placeWeights(layer, device);
    const gate = [1, 2, -3, 4];
    const up = [0.5, -1, 2, 1];
    const down = [1, 2, 3, -4];
    arena.write(
      "values",
      new Map([
        ["up.weight", Float32Array.from([...gate, ...up])],
        ["down.weight", Float32Array.from(down)],
      ]),
    );
    const right = product(up, X);
    const hidden = product(gate, X).map((v, i) =>
      v / (1 + Math.exp(-v)) * right[i]!
    );
    const expected = product(down, hidden);
    const x = Tensor.from(device, [1, 2], X);
    const residual = Tensor.from(device, [1, 2], RESIDUAL);
    assertClose(await layer.forward(x).data(), expected, ELEMENTWISE);
    assertClose(
      await layer.forward(x, residual).data(),
      expected.map((v, i) => v + RESIDUAL[i]!),
      ELEMENTWISE,
    );
  },
);

deviceTest("GELU is W2 gelu(W1 x) plus a residual", async (device) => {
  const layer = new GELU(2, { hiddenDim: 3, rng: new Rng(0) });
  const { arena } = placeWeights(layer, device);
  const up = [1, 2, -3, 4, 0.25, 0.125];
  const down = [1, 2, 3, -4, 5, -6];
  arena.write(
    "values",
    new Map([
      ["up.weight", Float32Array.from(up)],
      ["down.weight", Float32Array.from(down)],
    ]),
  );
  const hidden = product(up, X).map((v) =>
    v / 2 *
    (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))
  );
  const expected = product(down, hidden);
  const x = Tensor.from(device, [1, 2], X);
  const residual = Tensor.from(device, [1, 2], RESIDUAL);
  assertClose(
    await layer.forward(x, residual).data(),
    expected.map((v, i) => v + RESIDUAL[i]!),
    ELEMENTWISE,
  );
});
