import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  buildModel,
  ByteTransformer,
  decode,
  encode,
  evaluateStream,
  generate,
  type GenerateOptions,
  type LanguageModel,
  type PatcherConfig,
  segment,
  type TextSpan,
  tokenStream,
  type Trained,
} from "../../blt/mod.ts";
import { readDocuments } from "../../cli/documents.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, Rng, Scope } from "../../tensor/mod.ts";
import { bltConfig, bytesConfig } from "../blt/subject.ts";
import { tinyEndToEnd, tinyStacked } from "../blt/tiny_models.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const cpu = devices[0]!;

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What users bring for texts. */
const TEXTS: Readonly<Record<string, Uint8Array>> = {
  "a text of one byte": utf8("a"),
  "lines that end with CR LF, and with CR alone": utf8("one\r\ntwo\rthree\n"),
  "NUL bytes": Uint8Array.of(0, 0x61, 0, 0, 0x62, 0),
  "a byte order mark": utf8("\ufeffCall me Ishmael.\ufeff"),
  "invalid UTF-8": Uint8Array.of(
    0xff,
    0xc3,
    0x20,
    0xf0,
    0x9f,
    0xed,
    0xa0,
    0x80,
  ),
  "right-to-left text and its marks": utf8("שלום \u202eabc\u202c مرحبا"),
  "letters of several code points": utf8("e\u0301 नी 👩‍👩‍👧 🇳🇴 ﷽"),
  "UTF-16": Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x62, 0, 0x0a, 0),
  "each byte once": Uint8Array.from({ length: 256 }, (_, i) => i),
  "nothing but line ends": utf8("\n".repeat(90)),
  "one letter over and over": utf8("a".repeat(90)),
  "a word without end": utf8("Donaudampfschiff".repeat(12)),
  "names of special ids": utf8("<s></s><pad>[BOS]\\u0000"),
};

function trainedOn(device: Device, model: LanguageModel): Trained {
  placeWeights(model, device);
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
  placeWeights(entropyModel, device);
  return { model, entropyModel, device };
}

const bytesModel = (): LanguageModel => buildModel(bytesConfig, new Rng(1));
const models: Readonly<Record<string, () => LanguageModel>> = {
  bytes: bytesModel,
  entropy: () =>
    buildModel(bltConfig({ kind: "entropy", threshold: 5.2 }), new Rng(1)),
  "end to end": () => tinyEndToEnd({ kind: "next", reaches: "all" }),
  stacked: () =>
    tinyStacked(2, { kind: "static", bytes: 2 }, {
      kind: "cost",
      of: "total",
      weight: 0.1,
    }),
};

const RULES: readonly PatcherConfig[] = [
  { kind: "space" },
  { kind: "static", bytes: 4 },
  { kind: "byte" },
  { kind: "space", maxBytes: 3 },
];

/** Every byte is in one span, in order. */
function assertCovers(spans: readonly TextSpan[], bytes: Uint8Array): void {
  let at = 0;
  for (const { start, length } of spans) {
    assertEquals(start, at);
    assertGreater(length, 0);
    at += length;
  }
  assertEquals(at, bytes.length);
}

Deno.test("texts of all kinds come back byte by byte", () => {
  for (const [kind, bytes] of Object.entries(TEXTS)) {
    assertEquals(decode(encode(bytes), "raw"), bytes, kind);
  }
});

Deno.test("files of all kinds are read byte by byte", async () => {
  await using folder = await temporaryFolder();
  const names = Object.keys(TEXTS).toSorted();
  for (const name of names) {
    await Deno.writeFile(`${folder.path}/${name}`, TEXTS[name]!);
  }
  const documents = await readDocuments([folder.path]);
  assertEquals(
    documents.map(({ bytes }) => bytes),
    names.map((name) => TEXTS[name]),
  );
});

Deno.test("texts of all kinds are cut without losing a byte", async () => {
  using _scope = new Scope();
  const sources = [
    ...RULES,
    ...Object.values(models).slice(1).map((make) => trainedOn(cpu, make())),
  ];
  for (const bytes of Object.values(TEXTS)) {
    for (const source of sources) {
      const { patches, levels } = await segment(source, bytes);
      for (const spans of [patches, ...levels]) assertCovers(spans, bytes);
    }
  }
});

Deno.test("texts of all kinds have a finite cost", async () => {
  using _scope = new Scope();
  const documents = Object.entries(TEXTS)
    .map(([name, bytes]) => ({ name, bytes }));
  for (const make of Object.values(models)) {
    const trained = trainedOn(cpu, make());
    for (const texts of [...documents.map((it) => [it]), documents]) {
      const found = await evaluateStream(trained, tokenStream(texts), 512);
      const total = texts.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assertEquals(found.bytes, total);
      assert(found.bitsPerByte > 0 && Number.isFinite(found.bitsPerByte));
    }
  }
});

/** Continues a text; from the same seed each time. */
function write(
  trained: Trained,
  options: Partial<GenerateOptions> = {},
): Promise<Uint8Array> {
  return generate(trained, { prompt: utf8("Call"), bytes: 24, ...options });
}

/** What is done to generation, and what must come of it. */
const WISHES: Readonly<Record<string, (trained: Trained) => Promise<void>>> = {
  "an empty prompt, and 0 bytes": async (trained) => {
    assertGreater((await write(trained, { prompt: utf8("") })).length, 0);
    assertEquals((await write(trained, { bytes: 0 })).length, 0);
  },

  "every kind of text as a prompt": async (trained) => {
    for (const [kind, prompt] of Object.entries(TEXTS)) {
      const found = await write(trained, { prompt, bytes: 2 });
      assert(found.length <= 2, kind);
    }
  },

  "a prompt longer than the window, then a text as long": async (trained) => {
    const prompt = utf8("Call me Ishmael. ".repeat(9));
    const whole = await write(trained, { prompt, bytes: 60, temperature: 0 });
    const first = whole.subarray(0, 23);
    const rest = await write(trained, {
      prompt: Uint8Array.of(...prompt, ...first),
      bytes: 60 - first.length,
      temperature: 0,
    });
    assertEquals(Uint8Array.of(...first, ...rest), whole);
  },

  "temperatures of 1e-9 and 1e9": async (trained) => {
    const greedy = await write(trained, { temperature: 0 });
    assertEquals(await write(trained, { temperature: 1e-9 }), greedy);
    const hot: number[] = [];
    for (let seed = 0; hot.length < 300; seed++) {
      hot.push(...await write(trained, { temperature: 1e9, bytes: 99, seed }));
    }
    assertGreater(new Set(hot).size, 120); // 180 of 256, if all are alike
  },

  "a top-k of 1, and one larger than the vocabulary": async (trained) => {
    const greedy = await write(trained, { temperature: 0 });
    assertEquals(await write(trained, { topK: 1 }), greedy);
    assertEquals(await write(trained, { topK: 1e6 }), await write(trained));
  },

  "a top-p next to 0, and of 1": async (trained) => {
    const greedy = await write(trained, { temperature: 0 });
    assertEquals(await write(trained, { topP: 1e-9 }), greedy);
    assertEquals(await write(trained, { topP: 1 }), await write(trained));
  },

  "seeds far apart, and one of them twice": async (trained) => {
    const seeds = [0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER];
    const texts = [];
    for (const seed of seeds) texts.push(await write(trained, { seed }));
    assertEquals(new Set(texts.map(String)).size, seeds.length);
    assertEquals(await write(trained, { seed: -1 }), texts[1]);
  },
};

for (const [name, make] of Object.entries(models)) {
  for (const [wish, check] of Object.entries(WISHES)) {
    Deno.test(`generation of ${name} takes ${wish}`, async () => {
      using _scope = new Scope();
      await check(trainedOn(cpu, make()));
    });
  }
}

deviceTest("200 generations take no more memory than 2", async (device) => {
  const trained = trainedOn(device, bytesModel());
  const count = device.kind === "cpu" ? 200 : 20;
  let held: unknown;
  for (let i = 0; i < count; i++) {
    await write(trained, { bytes: 2, seed: i });
    const { liveBytes, heldBytes } = device.memory;
    if (i === 1) held = { liveBytes, heldBytes };
    if (i > 1) assertEquals({ liveBytes, heldBytes }, held);
  }
});
