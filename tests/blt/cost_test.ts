import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  type BltConfig,
  bltPreset,
  buildModel,
  bytesPreset,
  countParameters,
  emptyModel,
  encode,
  type EndToEndConfig,
  endToEndPreset,
  flopsPerByte,
  type ModelConfig,
  type Objective,
  patchRows,
  stackedPreset,
  type Uncertainty,
} from "../../blt/mod.ts";
import { placeWeights, type TransformerConfig } from "../../nn/mod.ts";
import { noGrad, Scope } from "../../tensor/mod.ts";
import { devices } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";

/** FLOPs per byte of the matrix products and attentions that really run. */
async function measured(config: ModelConfig, context: number): Promise<number> {
  using _scope = new Scope();
  const device = devices[0]!;
  const model = buildModel(config);
  placeWeights(model, device);
  const ids = encode("x".repeat(context - 1), { eos: false });
  const rows = patchRows({ ids, lengths: [context] }, config);
  const feed = model.feed(device, context, { gradient: false });
  const kernels = await device.profile(() => {
    using _pass = new Scope();
    noGrad(() => feed(rows));
  });
  const products = kernels.filter(({ kernel }) =>
    /^(matmul|attention)_/.test(kernel)
  );
  return products.reduce((sum, { flops }) => sum + flops, 0) / context;
}

/** Numbers of patches are multiples of 32, to which batches are filled up. */
const CASES: readonly (readonly [ModelConfig, number, number])[] = [
  [bytesConfig, 5, 5],
  [bytesConfig, 100, 100],
  [bytesPreset("nano"), 64, 64],
  [bytesPreset("nano"), 700, 700],
  [bltConfig({ kind: "byte" }), 64, 64],
  [bltConfig({ kind: "static", bytes: 3 }), 1 + 3 * 31, 32],
  [bltPreset("nano", { kind: "static", bytes: 4 }), 1 + 4 * 63, 64],
];

Deno.test("flopsPerByte() counts the products of a forward pass", async () => {
  for (const [config, context, patches] of CASES) {
    assertAlmostEquals(
      flopsPerByte(config, { context, meanPatchBytes: context / patches }) /
        await measured(config, context),
      1,
      1e-12,
    );
  }
});

Deno.test("flopsPerByte() falls as patches grow", () => {
  const config = bltPreset("nano", { kind: "space" });
  const costs = [1, 2, 4, 8].map((meanPatchBytes) =>
    flopsPerByte(config, { context: 512, meanPatchBytes })
  );
  assertEquals(costs.toSorted((a, b) => b - a), costs);
});

/** Weights of blocks: attention, SwiGLU, two norms. */
function blocks({ layers, dim, hiddenDim }: TransformerConfig): number {
  return layers * (4 * dim ** 2 + 3 * dim * hiddenDim + 2 * dim);
}

function byFormula({ encoder, latent, decoder, slots }: BltConfig): number {
  const { dim } = encoder;
  const pooled = slots * dim;
  const cross = 4 * dim ** 2 + 2 * dim;
  const input = pooled === latent.dim ? 0 : pooled * latent.dim;
  return blocks(encoder) + blocks(latent) + blocks(decoder) +
    cross + dim * pooled + input +
    decoder.layers * cross + latent.dim * pooled +
    dim + 260 * dim;
}

Deno.test("countParameters() keeps products and tables apart", () => {
  for (const preset of ["nano", "micro"] as const) {
    const config = bltPreset(preset, { kind: "space" });
    const { encoder: { dim }, ngrams } = config;
    assertEquals(countParameters(emptyModel(config)), {
      compute: byFormula(config),
      lookup: (260 + 6 * ngrams!.rows) * dim,
    });
  }
  const { transformer } = bytesPreset("nano");
  assertEquals(countParameters(emptyModel(bytesPreset("nano"))), {
    compute: blocks(transformer) + 261 * transformer.dim,
    lookup: 260 * transformer.dim,
  });
});

Deno.test("a router counts as two square maps instead of byte heads", () => {
  const config = (objective: Objective): EndToEndConfig =>
    endToEndPreset("nano", { patchBytes: 4, objective });
  const next = config({ kind: "next", reaches: "all" });
  const routing = config({ kind: "routing" });
  const { blt: { latent }, tiny: { dim } } = next;
  const heads = 260 * dim;
  const router = 2 * dim ** 2;
  const lengths = { context: 512, meanPatchBytes: 4 };
  assertEquals(
    flopsPerByte(routing, lengths) - flopsPerByte(next, lengths),
    2 * (router - heads),
  );
  const sizeOf = (config: EndToEndConfig): number =>
    countParameters(emptyModel(config)).compute;
  // The null patch comes, the norm of the heads goes.
  assertEquals(
    sizeOf(routing) - sizeOf(next),
    router - heads + latent.dim - dim,
  );
});

Deno.test("heads for more bytes cost a product each", () => {
  const config = (objective: Objective): EndToEndConfig =>
    endToEndPreset("nano", { patchBytes: 4, objective });
  const lengths = { context: 512, meanPatchBytes: 4 };
  const next = config({ kind: "next", reaches: "all" });
  const previous = config({ kind: "previous", bytes: 3 });
  assertEquals(
    flopsPerByte(previous, lengths) - flopsPerByte(next, lengths),
    3 * 2 * 260 * next.tiny.dim,
  );
});

Deno.test("flopsPerByte() counts the levels of a stacked model", () => {
  const lengths = { context: 512, meanPatchBytes: 4 };
  const space = { kind: "space" } as const;
  const flops = (
    levels: number,
    uncertainty: Uncertainty = { kind: "fixed" },
    unitsPerGroup = 4,
  ): number => {
    const options = { levels, patchBytes: 4, uncertainty, unitsPerGroup };
    return flopsPerByte(stackedPreset("nano", space, options), lengths);
  };
  // The latent layers of one level are those of BLT.
  assertEquals(flops(1), flopsPerByte(bltPreset("nano", space), lengths));
  // A forecast is a square map and a product, for each patch.
  const { dim } = bltPreset("nano", space).latent;
  const forecast = (2 * dim ** 2 + 2 * dim) / lengths.meanPatchBytes;
  const cost = { kind: "cost", of: "total", weight: 0.1 } as const;
  assertAlmostEquals(flops(2, cost) - flops(2), forecast, 1e-6);
  assertAlmostEquals(flops(3, cost) - flops(3), forecast * 5 / 4, 1e-6);
  // As it was once.
  const known = [flops(2), flops(3), flops(2, cost, 2)];
  assertEquals(known, [899_344, 907_756, 1_020_800]);
});
