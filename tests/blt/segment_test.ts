import { assertEquals, assertRejects } from "@std/assert";
import {
  Blt,
  BltSession,
  ByteTransformer,
  encode,
  type PatcherConfig,
  segment,
  streamEntropies,
  type TextPatch,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function lengths(patches: readonly TextPatch[]): number[] {
  return patches.map(({ length }) => length);
}

Deno.test("segment() cuts a text by a rule that needs no model", async () => {
  const cases: [PatcherConfig, string, number[]][] = [
    [{ kind: "space" }, "Call me Ishmael.", [5, 3, 8]],
    [{ kind: "static", bytes: 4 }, "Ishmael!!", [4, 4, 1]],
    [{ kind: "byte" }, "鯨", [1, 1, 1]],
    [{ kind: "byte" }, "", []],
  ];
  for (const [patcher, text, expected] of cases) {
    const patches = await segment(patcher, bytesOf(text));
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
    const patcher = { kind: "entropy", threshold: 5.2 } as const;
    const model = new Blt(bltConfig(patcher), new Rng(1));
    placeWeights(model, device);
    const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
    placeWeights(entropyModel, device);
    const bytes = bytesOf("Call me Ishmael. Some years ago, naïve 鯨!\xff");
    const patches = await segment({ model, entropyModel, device }, bytes);

    const session = new BltSession(model, device, entropyModel);
    const ids = encode(bytes, { eos: false });
    await session.push(ids);
    const starts = session.starts.slice(0, -1)
      .flatMap((starts, at) => starts ? [at] : []);
    assertEquals(patches.map(({ start }) => start), starts);
    assertEquals(lengths(patches).reduce((a, b) => a + b), bytes.length);

    const expected = await streamEntropies(entropyModel, device, ids);
    assertEquals(
      patches.flatMap(({ entropies }) => entropies!),
      [...expected.subarray(0, bytes.length)],
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
