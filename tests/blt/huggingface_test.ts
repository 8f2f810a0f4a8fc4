import { assertEquals, assertThrows } from "@std/assert";
import {
  Blt,
  ByteTransformer,
  fromHuggingFace,
  type HostWeights,
  type HuggingFacePart,
  toHuggingFace,
} from "../../blt/mod.ts";
import { parameters } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { bltShapes } from "../reference/blt.ts";
import { byteTransformerShapes } from "../reference/byte_transformer.ts";
import { TINY_BLT, TINY_ENTROPY_MODEL } from "../reference/tiny.ts";
import { bltConfig } from "./subject.ts";
import { tinyConfig } from "../support/tiny.ts";

function weightsOf(model: object): HostWeights {
  return new Map(
    [...parameters(model)].map(([name, { shape, initial }]) => [
      name,
      { shape, data: initial },
    ]),
  );
}

const { hidden, theta, ...sizes } = TINY_ENTROPY_MODEL;
const MODELS: readonly [
  HuggingFacePart,
  object,
  readonly (readonly [string, readonly number[]])[],
][] = [
  ["blt", new Blt(tinyConfig, new Rng(1)), bltShapes(TINY_BLT)],
  [
    "entropy model",
    new ByteTransformer({
      kind: "bytes",
      transformer: { ...sizes, hiddenDim: hidden, ropeTheta: theta },
    }, new Rng(1)),
    byteTransformerShapes("model.patcher", TINY_ENTROPY_MODEL),
  ],
];

for (const [part, model, shapes] of MODELS) {
  Deno.test(`toHuggingFace() has the published names and shapes of the ${part}`, () => {
    const found = [...toHuggingFace(weightsOf(model), part)]
      .map(([name, { shape }]) => `${name} [${shape}]`);
    const expected = shapes.map(([name, shape]) => `${name} [${shape}]`);
    assertEquals(found.sort(), expected.sort());
  });

  Deno.test(`fromHuggingFace() undoes toHuggingFace() for the ${part}`, () => {
    const weights = weightsOf(model);
    const file = toHuggingFace(weights, part);
    const own = new Map([...weights].map(([name, { shape }]) => [name, shape]));
    const found = fromHuggingFace(file, own, part);
    assertEquals(
      found,
      new Map([...weights].map(([name, { data }]) => [name, data])),
    );
  });
}

Deno.test("toHuggingFace() names the projection of a narrow latent model", () => {
  const weights = weightsOf(new Blt(bltConfig({ kind: "byte" })));
  const { shape } = toHuggingFace(weights, "blt")
    .get("model.global_transformer.token_embedding_projection.weight")!;
  assertEquals(shape, [12, 16]);
});

Deno.test("fromHuggingFace() wants queries, keys and values of one size", () => {
  const [, model] = MODELS[0]!;
  const weights = weightsOf(model);
  const own = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  const file = toHuggingFace(weights, "blt");
  const path = "model.local_encoder.layers.0.self_attn";
  const { shape: [rows, dim] } = file.get(`${path}.q_proj.weight`)!;
  // As many numbers in all, but fewer keys and values than queries.
  for (
    const [name, size] of [["q", 2 * rows!], ["k", rows! / 2], [
      "v",
      rows! / 2,
    ]] as const
  ) {
    const data = new Float32Array(size * dim!);
    file.set(`${path}.${name}_proj.weight`, { shape: [size, dim!], data });
  }
  assertThrows(
    () => fromHuggingFace(file, own, "blt"),
    SyntaxError,
    `Cannot load ${path}.q_proj.weight: expected a part of [${3 * rows!}, `,
  );
});

Deno.test("fromHuggingFace() names a weight that does not fit", () => {
  const key = "model.local_decoder.norm.weight";
  const [, model] = MODELS[0]!;
  const weights = weightsOf(model);
  const own = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  const weight = (size: number): HostWeights => {
    const file = toHuggingFace(weights, "blt");
    return file.set(key, { shape: [size], data: new Float32Array(size) });
  };
  assertThrows(
    () => fromHuggingFace(weight(8), own, "blt"),
    SyntaxError,
    `Cannot load ${key}: expected a part of [16], got [8]`,
  );
  const missing = new Map(weight(16));
  missing.delete(key);
  assertThrows(
    () => fromHuggingFace(missing, own, "blt"),
    SyntaxError,
    `Cannot load ${key}: expected a part of [16], got none`,
  );
  assertThrows(
    () =>
      toHuggingFace(
        weightsOf({ head: { wrong: parameters(model).get("norm.gain")! } }),
        "blt",
      ),
    RangeError,
    "Cannot name head.wrong as Hugging Face does: expected a weight of a blt",
  );
});
