import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  Blt,
  buildModel,
  ByteTransformer,
  emptyModel,
  encode,
  EndToEndBlt,
  type LanguageModel,
  needsEntropyModel,
  patchRows,
  patchStarts,
  StackedBlt,
} from "../../blt/mod.ts";
import { parameters } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { bltConfig, bytesConfig, patchers } from "./subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";

Deno.test("buildModel() builds what the configuration says", () => {
  assert(buildModel(bytesConfig) instanceof ByteTransformer);
  const config = bltConfig({ kind: "byte" });
  const model = buildModel(config);
  assert(model instanceof Blt);
  assertEquals(model.config, config);
});

Deno.test("emptyModel() draws no weights, buildModel() does", () => {
  const largest = (model: LanguageModel): number => {
    const { head } = model as ByteTransformer;
    return Math.max(...head.weight.initial.map(Math.abs));
  };
  assertEquals(largest(emptyModel(bytesConfig)), 0);
  assertGreater(largest(buildModel(bytesConfig)), 0.01);
});

Deno.test("models draw their weights from the seed 0 unless told", () => {
  const weightsOf = (model: object): Float32Array[] =>
    [...parameters(model)].map(([, { initial }]) => initial);
  const endToEnd = tinyEndToEnd({ kind: "next", reaches: "all" }).config;
  const stacked = tinyStacked(2, { kind: "space" }, { kind: "fixed" }).config;
  const blt = bltConfig({ kind: "byte" });
  const pairs: [object, object][] = [
    [
      new ByteTransformer(bytesConfig),
      new ByteTransformer(bytesConfig, new Rng(0)),
    ],
    [new Blt(blt), new Blt(blt, new Rng(0))],
    [new EndToEndBlt(endToEnd), new EndToEndBlt(endToEnd, new Rng(0))],
    [new StackedBlt(stacked), new StackedBlt(stacked, new Rng(0))],
  ];
  for (const [model, told] of pairs) {
    assertEquals(weightsOf(model), weightsOf(told));
  }
});

Deno.test("patchRows() cuts each row on its own", () => {
  const rows = ["Call me Ishmael.", "", "naïve 鯨"].map((text) =>
    encode(text, { eos: false })
  );
  const ids = Uint32Array.from(rows.flatMap((row) => [...row]));
  const lengths = rows.map((row) => row.length);
  const entropies = Float32Array.from(ids, (id) => id % 10);
  for (const [name, patcher] of Object.entries(patchers)) {
    const found = patchRows({ ids, lengths, entropies }, bltConfig(patcher));
    let at = 0;
    const starts = rows.map((row) => {
      const own = entropies.subarray(at, at += row.length);
      return patchStarts({ ids: row, entropies: own }, patcher);
    });
    assertEquals(found.starts, starts, name);
    assertEquals(found.lengths, lengths);
  }
  assertEquals(patchRows({ ids, lengths }, bytesConfig).starts, []);
});

Deno.test("needsEntropyModel() asks the patcher", () => {
  assertEquals(needsEntropyModel(bytesConfig), false);
  const names = Object.keys(patchers).filter((name) =>
    needsEntropyModel(bltConfig(patchers[name]!))
  );
  assertEquals(names.map((name) => name.split(" ")[0]), [
    "entropy",
    "entropy,",
    "relative",
    "relative",
    "both",
    "both",
  ]);
});
