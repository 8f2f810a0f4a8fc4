import { Rng } from "../tensor/mod.ts";
import { sample } from "../nn/mod.ts";
import { BOE, BOS, BPE, BYTE_OFFSET, encode, EOS } from "./bytes.ts";
import type { Trained } from "./evaluate.ts";
import { openSession, type Session } from "./session.ts";
import { type LongWork, Turns } from "./turns.ts";

/** How text is drawn from a model. */
export interface GenerateOptions extends LongWork {
  /** Text to continue; default none. */
  readonly prompt?: Uint8Array;
  /** Most bytes to write. */
  readonly bytes: number;
  /** 0 takes the most likely byte; 1 draws as the model says. Default 1. */
  readonly temperature?: number;
  /** Draw from this many likeliest bytes only. */
  readonly topK?: number;
  /** Draw from the likeliest bytes that have this probability together. */
  readonly topP?: number;
  /** Of the random numbers; default 0. */
  readonly seed?: number;
}

/** Ids that are never written. */
const FORBIDDEN = [BOE, BOS, BPE];

/**
 * Continues a prompt byte by byte until the model ends the document; `onByte`
 * hears of each byte as soon as it is drawn.
 *
 * Rejects with a `RangeError` for options out of range, and with the signal's
 * reason when it is aborted. Calls that overlap write what they would alone.
 */
export async function generate(
  trained: Trained,
  options: GenerateOptions,
  onByte?: (byte: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  using session = await openSession(trained);
  return await continueText(session, options, onByte);
}

/** The same with a session that has read nothing yet. */
export async function continueText(
  session: Pick<Session, "push">,
  { prompt = new Uint8Array(), bytes, seed = 0, signal, ...drawing }:
    GenerateOptions,
  onByte?: (byte: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!Number.isInteger(bytes) || bytes < 0) {
    throw new RangeError(
      `Cannot generate: bytes must be a whole number >= 0, got ${bytes}`,
    );
  }
  const rng = new Rng(seed);
  const written: number[] = [];
  const turns = new Turns({ signal });
  let logits = await session.push(encode(prompt, { eos: false }), turns);
  while (written.length < bytes) {
    const id = sample(logits, rng, { ...drawing, forbid: FORBIDDEN });
    if (id === EOS) break;
    const byte = id - BYTE_OFFSET;
    written.push(byte);
    onByte?.(byte);
    if (written.length < bytes) {
      logits = await session.push(Uint32Array.of(id), turns);
    }
  }
  return Uint8Array.from(written);
}
