import { Rng, Scope } from "../tensor/mod.ts";
import { sample } from "../nn/mod.ts";
import { BOE, BOS, BPE, BYTE_OFFSET, encode, EOS } from "./bytes.ts";
import type { Trained } from "./evaluate.ts";
import { Turns } from "./turn.ts";
import { openSession, type Session } from "./session.ts";

/** How text is drawn from a model. */
export interface GenerateOptions {
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
  /** Stops it: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Ids that are never written. */
const FORBIDDEN = [BOE, BOS, BPE];

/**
 * Continues a prompt byte by byte until the model ends the document; `onByte`
 * hears of each byte as soon as it is drawn.
 *
 * Rejects with a `RangeError` for options out of range.
 */
export async function generate(
  trained: Trained,
  options: GenerateOptions,
  onByte?: (byte: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  using _scope = new Scope();
  return await continueText(await openSession(trained), options, onByte);
}

/** The same with a session that has read nothing yet. */
export async function continueText(
  session: Session,
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
  let logits = await session.push(encode(prompt, { eos: false }));
  const turns = new Turns();
  while (written.length < bytes) {
    await turns.pass();
    signal?.throwIfAborted();
    const id = sample(logits, rng, { ...drawing, forbid: FORBIDDEN });
    if (id === EOS) break;
    const byte = id - BYTE_OFFSET;
    written.push(byte);
    onByte?.(byte);
    if (written.length < bytes) logits = await session.push(Uint32Array.of(id));
  }
  return Uint8Array.from(written);
}
