/** Filler of unused positions in a batch ("beginning of example"). */
export const BOE = 0;
/** First id of every document. */
export const BOS = 1;
/** Last id of every document. */
export const EOS = 2;
/** Delimiter of subword tokens; kept so that ids agree with released weights. */
export const BPE = 3;
/** Id of byte 0; byte b has id b + BYTE_OFFSET. */
export const BYTE_OFFSET = 4;
/** Number of ids, V: four specials and 256 bytes. */
export const VOCABULARY = 260;

/** Which specials surround the bytes. */
export interface EncodeOptions {
  /** Begin with BOS; true by default. */
  readonly bos?: boolean;
  /** End with EOS; true by default, false for a prompt. */
  readonly eos?: boolean;
}

/**
 * Ids of a document: bytes as they are, text as UTF-8 without normalisation.
 * A lone surrogate in text becomes U+FFFD.
 *
 * Result: [T], T = bytes + specials.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...encode("Hi")], [1, 76, 109, 2]);
 * assertEquals([...encode("Hi", { eos: false })], [1, 76, 109]);
 * ```
 */
export function encode(
  document: string | Uint8Array,
  { bos = true, eos = true }: EncodeOptions = {},
): Uint32Array {
  const bytes = typeof document === "string"
    ? new TextEncoder().encode(document)
    : document;
  const first = Number(bos);
  const ids = new Uint32Array(first + bytes.length + Number(eos));
  if (bos) ids[0] = BOS;
  for (let i = 0; i < bytes.length; i++) {
    ids[first + i] = bytes[i]! + BYTE_OFFSET;
  }
  if (eos) ids[ids.length - 1] = EOS;
  return ids;
}

/**
 * Bytes or text of ids, without the specials.
 *
 * ids: [T]. Invalid UTF-8 becomes U+FFFD with "replace" and vanishes with
 * "ignore"; "raw" gives the bytes. Throws a `RangeError` for an id that is not
 * in the vocabulary.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const cut = encode("a🥪").subarray(0, 4);
 * assertEquals(decode(cut), "a\ufffd");
 * assertEquals(decode(cut, "ignore"), "a");
 * assertEquals([...decode(cut, "raw")], [0x61, 0xf0, 0x9f]);
 * ```
 */
export function decode(ids: Uint32Array, policy: "raw"): Uint8Array;
/** Text of ids, without the specials. */
export function decode(
  ids: Uint32Array,
  policy?: "replace" | "ignore",
): string;
export function decode(
  ids: Uint32Array,
  policy: "replace" | "ignore" | "raw" = "replace",
): string | Uint8Array {
  const strange = ids.find((id) => id >= VOCABULARY);
  if (strange !== undefined) {
    throw new RangeError(
      `Cannot decode ids: each must be below ${VOCABULARY}, got ${strange}`,
    );
  }
  const bytes = Uint8Array.from(
    ids.filter((id) => id >= BYTE_OFFSET),
    (id) => id - BYTE_OFFSET,
  );
  switch (policy) {
    case "raw":
      return bytes;
    case "replace":
      return textOf(bytes);
    case "ignore":
      return validTextOf(bytes);
  }
}

function textOf(bytes: Uint8Array): string {
  // ignoreBOM keeps a byte order mark, which would be dropped otherwise.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Text without invalid sequences, but with each U+FFFD that was written out. */
function validTextOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i <= bytes.length; i++) {
    const written = bytes[i] === 0xef && bytes[i + 1] === 0xbf &&
      bytes[i + 2] === 0xbd;
    if (!written && i < bytes.length) continue;
    parts.push(textOf(bytes.subarray(from, i)).replaceAll("\ufffd", ""));
    from = i + 3;
  }
  return parts.join("\ufffd");
}
