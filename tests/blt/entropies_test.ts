import { assertEquals } from "@std/assert";
import {
  ByteTransformer,
  encode,
  streamEntropies,
  tokenStream,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, entropy, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { assertClose, MODEL } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { bytesConfig } from "./subject.ts";

function modelOn(device: Device): ByteTransformer {
  const model = new ByteTransformer(bytesConfig, new Rng(1));
  placeWeights(model, device);
  return model;
}

deviceTest(
  "streamEntropies() reads each document as if it were alone",
  async (device) => {
    const model = modelOn(device);
    // Beyond a chunk, within one, over the border of two.
    const documents = ["naïve 鯨! ".repeat(200), "x", "Ishmael ".repeat(230)]
      .map((text) => new TextEncoder().encode(text));
    const stream = tokenStream(
      documents.map((bytes) => ({ name: "text", bytes })),
    );
    const found = await streamEntropies(model, device, stream);
    assertEquals(found.length, stream.length);
    let at = 0;
    for (const ids of documents.map((bytes) => encode(bytes))) {
      using _scope = new Scope();
      const feed = model.feed(device, ids.length, { gradient: false });
      const rows = { ids, lengths: [ids.length], starts: [] };
      const expected = await noGrad(() => entropy(feed(rows))).data();
      assertClose(found.subarray(at, at += ids.length), expected, MODEL);
    }
  },
);

deviceTest("streamEntropies() of nothing is nothing", async (device) => {
  const found = await streamEntropies(
    modelOn(device),
    device,
    new Uint32Array(),
  );
  assertEquals(found.length, 0);
});
