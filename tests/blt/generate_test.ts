import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  Blt,
  type BltConfig,
  BltSession,
  BOE,
  BOS,
  BPE,
  buildModel,
  BYTE_OFFSET,
  ByteTransformer,
  continueText,
  encode,
  EOS,
  generate,
  type ModelConfig,
  patchRows,
  type Session,
  streamEntropies,
  type Trained,
  VOCABULARY,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { bltConfig, bytesConfig } from "./subject.ts";

const MODELS: Readonly<Record<string, ModelConfig>> = {
  bytes: bytesConfig,
  "static patches": bltConfig({ kind: "static", bytes: 3 }),
  "patches by entropy": bltConfig({ kind: "entropy", threshold: 5.13 }),
};

const PROMPTS: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(),
  "not Latin": new TextEncoder().encode("鯨は"),
  "not UTF-8": Uint8Array.of(0xff, 0xc3, 0x00),
};

function trainedOf(device: Device, config: ModelConfig): Trained {
  const model = buildModel(config, new Rng(1));
  placeWeights(model, device);
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
  placeWeights(entropyModel, device);
  return { model, entropyModel, device };
}

/** Continues a prompt with a whole forward pass for each byte. */
async function byHand(
  { model, entropyModel, device }: Trained,
  prompt: Uint8Array,
  count: number,
): Promise<number[]> {
  const bytes = [...prompt];
  while (bytes.length < prompt.length + count) {
    using _scope = new Scope();
    const ids = encode(Uint8Array.from(bytes), { eos: false });
    const entropies = await streamEntropies(entropyModel!, device, ids);
    const lengths = [ids.length];
    const rows = patchRows({ ids, lengths, entropies }, model.config);
    const feed = model.feed(device, ids.length, { gradient: false });
    const logits = (await noGrad(() => feed(rows)).data())
      .subarray(-VOCABULARY);
    for (const id of [BOE, BOS, BPE]) logits[id] = -Infinity;
    const best = logits.indexOf(Math.max(...logits));
    if (best === EOS) break;
    bytes.push(best - BYTE_OFFSET);
  }
  return bytes.slice(prompt.length);
}

for (const [name, config] of Object.entries(MODELS)) {
  deviceTest(
    `generate() is greedy as the whole forward pass is, ${name}`,
    async (device) => {
      const trained = trainedOf(device, config);
      for (const [kind, prompt] of Object.entries(PROMPTS)) {
        const options = { prompt, bytes: 12, temperature: 0 };
        const heard: number[] = [];
        const found = await generate(
          trained,
          options,
          (byte) => heard.push(byte),
        );
        assertEquals([...found], await byHand(trained, prompt, 12), kind);
        assertEquals(heard, [...found]);
      }
    },
  );
}

Deno.test("generate() draws as the model says, from the seed 0", async () => {
  using _scope = new Scope();
  const trained = trainedOf(devices[0]!, bytesConfig);
  const told = { bytes: 20, seed: 0, temperature: 1, prompt: new Uint8Array() };
  assertEquals(
    await generate(trained, { bytes: 20 }),
    await generate(trained, told),
  );
});

deviceTest("generate() writes the same from the same seed", async (device) => {
  const trained = trainedOf(device, MODELS["bytes"]!);
  const [one, same, other] = [
    await generate(trained, { bytes: 20, seed: 1 }),
    await generate(trained, { bytes: 20, seed: 1 }),
    await generate(trained, { bytes: 20, seed: 2 }),
  ];
  assertEquals(same, one);
  assertNotEquals(other, one);
});

Deno.test("BltSession takes as long for a late byte as for an early one", async () => {
  using _scope = new Scope();
  const device = devices[0]!;
  const model = new Blt(MODELS["static patches"] as BltConfig);
  placeWeights(model, device);
  using session = new BltSession(model, device);
  await session.push(Uint32Array.of(BOS));
  // A patch takes 3 bytes. A cache makes room when its window and one more
  // came: every 7 bytes, 4 patches, 6 bytes.
  const period = 7 * 4 * 3;
  const launches: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = device.counts.launches;
    for (let p = 0; p < period; p++) {
      await session.push(Uint32Array.of(BYTE_OFFSET + p));
    }
    launches.push(device.counts.launches - before);
  }
  assertEquals(launches[3], launches[1]);
  assertEquals(launches[2], launches[1]);
});

/** A model that gives these logits, one row after the other. */
function scripted(
  rows: readonly Readonly<Record<number, number>>[],
): Pick<Session, "push"> & { readonly read: number[][] } {
  const read: number[][] = [];
  return {
    read,
    push(ids): Promise<Float32Array> {
      const logits = new Float32Array(VOCABULARY).fill(-100);
      for (const [id, logit] of Object.entries(rows[read.length]!)) {
        logits[Number(id)] = logit;
      }
      read.push([...ids]);
      return Promise.resolve(logits);
    },
  };
}

const A = 0x61 + BYTE_OFFSET;

Deno.test("continueText() reads what it wrote and ends with the document", async () => {
  const session = scripted([{ [A]: 1 }, { [A + 1]: 1 }, { [EOS]: 1 }]);
  const prompt = Uint8Array.of(0xff);
  const found = await continueText(session, { prompt, bytes: 9 });
  assertEquals(new TextDecoder().decode(found), "ab");
  assertEquals(session.read, [[BOS, 0xff + BYTE_OFFSET], [A], [A + 1]]);
});

Deno.test("continueText() reads no byte that it does not need", async () => {
  const session = scripted([{ [A]: 1 }, { [A + 1]: 1 }]);
  assertEquals((await continueText(session, { bytes: 2 })).length, 2);
  assertEquals(session.read, [[BOS], [A]]);
  const none = await continueText(scripted([{ [A]: 1 }]), { bytes: 0 });
  assertEquals(none.length, 0);
});

Deno.test("continueText() never writes a special id", async () => {
  for (const temperature of [0, 1, 50]) {
    const row = { [BOE]: 99, [BOS]: 99, [BPE]: 99, [A]: 50 };
    const session = scripted(Array.from({ length: 50 }, () => row));
    await continueText(session, { bytes: 50, temperature });
    const ids = session.read.flat().slice(1);
    assertEquals(ids.filter((id) => id < BYTE_OFFSET), []);
  }
});

Deno.test("continueText() refuses options out of range", async () => {
  const cases = [
    { bytes: -1 },
    { bytes: 1.5 },
    { bytes: NaN },
    { bytes: 1, temperature: -1 },
    { bytes: 1, topK: 0 },
    { bytes: 1, topP: 0 },
    { bytes: 1, seed: 0.5 },
  ];
  for (const options of cases) {
    await assertRejects(
      () => continueText(scripted([{ [A]: 1 }]), options),
      RangeError,
    );
  }
});
