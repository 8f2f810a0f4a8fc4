import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import {
  Blt,
  BltSession,
  ByteTransformer,
  encode,
  EndToEndBlt,
  type Objective,
  type PatcherConfig,
  patchRows,
  segment,
  StackedBlt,
  streamEntropies,
  type TextSpan,
  type Trained,
  type Uncertainty,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";

const TEXT = bytesOf("Call me Ishmael. Some years ago, naïve 鯨!\xff");

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function lengths(spans: readonly TextSpan[]): number[] {
  return spans.map(({ length }) => length);
}

Deno.test("segment() cuts a text by a rule that needs no model", async () => {
  const cases: [PatcherConfig, string, number[]][] = [
    [{ kind: "space" }, "Call me Ishmael.", [5, 3, 8]],
    [{ kind: "static", bytes: 4 }, "Ishmael!!", [4, 4, 1]],
    [{ kind: "byte" }, "鯨", [1, 1, 1]],
  ];
  for (const [patcher, text, expected] of cases) {
    const { patches, levels } = await segment(patcher, bytesOf(text));
    assertEquals(levels, []);
    assertEquals(lengths(patches), expected, text);
    let at = 0;
    for (const { start, length } of patches) {
      assertEquals(start, at);
      at += length;
    }
  }
});

deviceTest(
  "segment() cuts where a model would while it reads",
  async (device) => {
    const patcher = { kind: "entropy", threshold: 5.13 } as const;
    const model = new Blt(bltConfig(patcher), new Rng(1));
    placeWeights(model, device);
    const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
    placeWeights(entropyModel, device);
    const trained = { model, entropyModel, device };
    const { patches } = await segment(trained, TEXT);

    using session = new BltSession(model, device, entropyModel);
    const ids = encode(TEXT, { eos: false });
    await session.push(ids);
    const starts = session.starts.slice(0, -1)
      .flatMap((starts, at) => starts ? [at] : []);
    assertEquals(patches.map(({ start }) => start), starts);
    assertEquals(lengths(patches).reduce((a, b) => a + b), TEXT.length);

    const expected = await streamEntropies(entropyModel, device, ids);
    assertEquals(
      patches.flatMap(({ entropies }) => entropies!),
      [...expected.subarray(0, TEXT.length)],
    );
  },
);

Deno.test("segment() has no patches of a byte transformer", async () => {
  const trained = {
    model: new ByteTransformer(bytesConfig),
    entropyModel: undefined,
    device: devices[0]!,
  };
  await assertRejects(
    () => segment(trained, bytesOf("a")),
    RangeError,
    "Cannot cut a text into patches: the model reads single bytes",
  );
});

Deno.test("segment() cuts no empty text", async () => {
  await assertRejects(
    () => segment({ kind: "byte" }, bytesOf("")),
    RangeError,
    "expected at least one byte",
  );
});

/** Places a model with thresholds that its scores lie around. */
async function placed(
  model: EndToEndBlt | StackedBlt,
  device: Device,
  threshold: number,
): Promise<Trained> {
  const { arena } = placeWeights(model, device);
  const values = await arena.read("values");
  for (const name of values.keys()) {
    if (!name.endsWith("threshold")) continue;
    values.set(name, Float32Array.of(threshold, 1));
  }
  arena.write("values", values);
  return { model, device, entropyModel: undefined };
}

/** Starts of units in the text at each level that a forward pass groups. */
async function startsOf({ model, device }: Trained): Promise<number[][]> {
  using _scope = new Scope();
  const ids = encode(TEXT, { eos: false });
  const found: Promise<Uint32Array>[] = [];
  if (model instanceof EndToEndBlt) {
    const through = model.blt.through.bind(model.blt);
    model.blt.through = (x, batch, think) => {
      found.push(batch.patches.segments.ids.indices());
      return through(x, batch, think);
    };
  } else if (model instanceof StackedBlt) {
    for (const level of model.levels) {
      const group = level.group.bind(level);
      level.group = (...units) => {
        const groups = group(...units);
        found.push(groups.segments.ids.indices());
        return groups;
      };
    }
  }
  const rows = patchRows({ ids, lengths: [ids.length] }, model.config);
  noGrad(() => model.feed(device, ids.length, { gradient: false })(rows));
  const [flags = new Uint8Array(ids.length + 1).fill(1)] = rows.starts;
  let bounds = [...flags.subarray(0, -1).keys()].filter((p) => flags[p]);
  return (await Promise.all(found)).map((groups) => {
    bounds = bounds.filter((_, i) => i === 0 || groups[i] !== groups[i - 1]);
    return bounds.slice(1).map((bound) => bound - 1); // without BOS
  });
}

function checkCover(spans: readonly TextSpan[]): void {
  let at = 0;
  for (const { start, length } of spans) {
    assertEquals(start, at);
    assertGreater(length, 0);
    at += length;
  }
  assertEquals(at, TEXT.length);
}

const OBJECTIVES: readonly Objective[] = [
  { kind: "previous", bytes: 2 },
  { kind: "next", reaches: "branch" },
  { kind: "routing" },
];
for (const objective of OBJECTIVES) {
  deviceTest(
    `segment() cuts where an end-to-end model does, ${objective.kind}`,
    async (device) => {
      const routed = objective.kind === "routing";
      const threshold = routed ? 0.5 : 5.12;
      const trained = await placed(tinyEndToEnd(objective), device, threshold);
      const { patches, levels } = await segment(trained, TEXT);
      checkCover(patches);
      assertEquals(levels, []);
      assertEquals(
        patches.map(({ start }) => start),
        (await startsOf(trained))[0],
      );
      // Within a patch no byte would have started one.
      for (const { length, ...scores } of patches.slice(1)) {
        const own = routed ? scores.probabilities : scores.entropies;
        assertEquals(own!.length, length);
        assert(own!.slice(1).every((score) => score <= threshold));
      }
      const short = await segment(trained, bytesOf("a"));
      assertEquals(lengths(short.patches), [1]);
    },
  );
}

const CASES: readonly [PatcherConfig, Uncertainty, number][] = [
  [{ kind: "static", bytes: 2 }, { kind: "cost", of: "rate", weight: 1 }, 0.9],
  [{ kind: "space" }, { kind: "fixed" }, 0],
];
for (const [patcher, uncertainty, threshold] of CASES) {
  for (const count of [1, 2, 3]) {
    deviceTest(
      `segment() nests units of ${count} levels, ${uncertainty.kind}`,
      async (device) => {
        const model = tinyStacked(count, patcher, uncertainty);
        const trained = await placed(model, device, threshold);
        const { patches, levels } = await segment(trained, TEXT);
        assertEquals(patches, (await segment(patcher, TEXT)).patches);
        levels.forEach(checkCover);
        assertEquals(
          levels.map((spans) => spans.map(({ start }) => start)),
          await startsOf(trained),
        );
        if (levels[0]) assertGreater(patches.length, levels[0].length);

        const short = await segment(trained, bytesOf("a"));
        assertEquals(short.levels.map(lengths), Array(count - 1).fill([1]));
      },
    );
  }
}
