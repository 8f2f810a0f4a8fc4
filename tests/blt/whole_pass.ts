import {
  encode,
  type LanguageModel,
  openSession,
  patchRows,
} from "../../blt/mod.ts";
import { type Device, noGrad, Scope } from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";

const TEXT = encode("Call me Ishmael. Some years ago, naïve 鯨!", {
  eos: false,
});

/**
 * Compares a session with the whole forward pass, for prompts of one piece, of
 * many, and cut in the middle of a patch; the slower device gets fewer.
 */
export async function assertSessionIsWhole(
  device: Device,
  model: LanguageModel,
): Promise<void> {
  const expected = await whole(device, model);
  const prompts = device.kind === "cpu" ? [1, 4, 30] : [30];
  for (const prompt of prompts) {
    using _scope = new Scope();
    const trained = { model, entropyModel: undefined, device };
    using session = await openSession(trained);
    for (let p = prompt; p <= TEXT.length; p++) {
      const from = p === prompt ? 0 : p - 1;
      const logits = await session.push(TEXT.subarray(from, p));
      const row = expected.subarray(260 * (p - 1), 260 * p);
      assertClose(logits, row, { absolute: 2e-4, relative: 2e-4 }, `${p}`);
    }
  }
}

async function whole(
  device: Device,
  model: LanguageModel,
): Promise<Float32Array> {
  using _scope = new Scope();
  const rows = { ids: TEXT, lengths: [TEXT.length] };
  const feed = model.feed(device, TEXT.length, { gradient: false });
  return await noGrad(() => feed(patchRows(rows, model.config))).data();
}
