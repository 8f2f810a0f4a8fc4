import { assertEquals, assertThrows } from "@std/assert";
import {
  attendWithin,
  Block,
  hiddenDimOf,
  placeWeights,
  Transformer,
} from "../../nn/mod.ts";
import {
  causal,
  Intervals,
  Rng,
  rotaryTable,
  Tensor,
} from "../../tensor/mod.ts";
import { matrix, valuesOf } from "../reference/autodiff64.ts";
import { blocks, causal as causal64 } from "../reference/transformer.ts";
import {
  type Variables,
  variables,
  type Weight,
} from "../reference/weights.ts";
import { assertClose, MODEL } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const CONFIG = {
  layers: 2,
  dim: 8,
  heads: 2,
  hiddenDim: 12,
  window: 3,
  ropeTheta: 100,
};

Deno.test("hiddenDimOf() rounds 8/3 of the width up", () => {
  assertEquals([64, 128, 256, 512].map((dim) => hiddenDimOf(dim)), [
    192,
    384,
    704,
    1408,
  ]);
  assertEquals(hiddenDimOf(16, 8), 48);
});

/** The stack's weights under the names and in the pieces of the reference. */
function named(model: Transformer): Variables {
  const weights = new Map<string, Weight>();
  const put = (name: string, values: Float32Array, rows: number): void => {
    const shape = rows === 0 ? [values.length] : [rows, values.length / rows];
    weights.set(`x.layers.${name}.weight`, {
      shape,
      data: Float64Array.from(values),
    });
  };
  const { dim, hiddenDim } = CONFIG;
  model.blocks.forEach((block, i) => {
    const qkv = block.attention.qkv.weight.initial;
    ["q", "k", "v"].forEach((letter, j) =>
      put(
        `${i}.self_attn.${letter}_proj`,
        qkv.slice(j * dim * dim, (j + 1) * dim * dim),
        dim,
      )
    );
    put(`${i}.self_attn.o_proj`, block.attention.out.weight.initial, dim);
    const up = block.feedForward.up.weight.initial;
    put(`${i}.mlp.gate_proj`, up.slice(0, up.length / 2), hiddenDim);
    put(`${i}.mlp.up_proj`, up.slice(up.length / 2), hiddenDim);
    put(`${i}.mlp.down_proj`, block.feedForward.down.weight.initial, dim);
    put(`${i}.input_layernorm`, block.attentionNorm.gain.initial, 0);
    put(`${i}.post_attention_layernorm`, block.feedForwardNorm.gain.initial, 0);
  });
  return variables(weights);
}

deviceTest("Transformer equals its reference, in a window", async (device) => {
  const rng = new Rng(4);
  const model = new Transformer(CONFIG, rng);
  const weights = named(model);
  placeWeights(model, device);
  const rows = 7;
  const x = new Float32Array(rows * CONFIG.dim);
  rng.fillNormal(x, 1);
  const { dim, heads, window, ropeTheta: theta, layers, hiddenDim: hidden } =
    CONFIG;
  const headWidth = dim / heads;
  const sequence = {
    positions: Tensor.from(
      device,
      [rows],
      Uint32Array.from({ length: rows }, (_, i) => i),
    ),
    intervals: Intervals.from(device, causal([rows], window), rows),
    table: rotaryTable(device, { positions: rows, headWidth, theta }),
  };
  const y = model.forward(
    Tensor.from(device, [rows, dim], x),
    attendWithin(sequence, heads),
  );
  const expected = blocks(matrix(x, dim), {
    weights,
    prefix: "x",
    sizes: { layers, dim, heads, hidden, theta, window },
    intervals: causal64(Array(rows).fill(0), window),
  });
  assertClose(await y.data(), valuesOf(expected), MODEL);
});

deviceTest("Transformer tells each layer its number", (device) => {
  const model = new Transformer(CONFIG, new Rng(4));
  placeWeights(model, device);
  const x = Tensor.from(device, [1, 8], Array(8).fill(1));
  const layers: number[] = [];
  model.forward(x, (_, layer) => {
    layers.push(layer);
    return x;
  });
  assertEquals(layers, [0, 1]);
});

Deno.test("Block refuses heads that do not divide the width", () => {
  assertThrows(
    () => new Block({ dim: 8, heads: 3, hiddenDim: 4 }, new Rng(0)),
    RangeError,
    "heads must divide the width 8, got 3",
  );
});
