import { decode, encode } from "./bytes.ts";

/** A patch of a text. */
export interface Patch {
  /** First byte of the text in it. */
  readonly start: number;
  /** In bytes. */
  readonly length: number;
  /** [length], in nats, how uncertain each byte was; absent without a model. */
  readonly entropies?: readonly number[];
}

/** A patch as `patch --json` prints it. */
export interface PatchObject extends Required<Patch> {
  /** The patch as UTF-8, U+FFFD where it is none. */
  readonly text: string;
}

/** What stands in one place of a patch view. */
export interface PatchCell {
  /** A character with its combining marks, or the hex form of one byte. */
  readonly text: string;
  /** Index of the patch that holds it. */
  readonly patch: number;
  /** Largest entropy of its bytes, in nats; absent without a model. */
  readonly entropy?: number;
}

/** Levels that `entropyLevel` tells apart. */
export const ENTROPY_LEVELS = 10;

/** What the digits and colours of entropies mean. */
export const ENTROPY_LEGEND =
  "entropy in half nats, of a character the largest of its bytes, 9 for 4.5 nats and more";

/** Half nats, rounded down, at most 9. `nats` >= 0. */
export function entropyLevel(nats: number): number {
  return Math.min(ENTROPY_LEVELS - 1, Math.floor(2 * nats));
}

/** Colours of a terminal with 256, from calm to surprised, all light. */
const LEVEL_COLOURS = [67, 73, 79, 114, 150, 186, 222, 215, 209, 203];
const TEXT_COLOUR = 253;
const PATCH_BACKGROUNDS = [234, 239];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const NEWLINE = "\n";
/** Would command the terminal, or turn around the text that follows. */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
/** Belongs to the character before it. */
const COMBINING = /^[\p{M}\u200c\u200d]/u;
/** Fills two columns of a terminal. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/**
 * Text of bytes that is safe to show: what is not UTF-8, and what would command
 * a terminal, is in hex; lines stay.
 */
export function printable(bytes: Uint8Array): string {
  const whole = [{ start: 0, length: bytes.length }];
  return patchCells(bytes, whole).map(({ text }) => text).join("");
}

/** Patches of a text as `patch --json` prints them. */
export function patchObjects(
  bytes: Uint8Array,
  patches: readonly Patch[],
): PatchObject[] {
  return patches.map(({ start, length, entropies = [] }) => {
    const part = bytes.subarray(start, start + length);
    const text = decode(encode(part, { bos: false, eos: false }));
    return { start, length, text, entropies };
  });
}

/** Patches in two backgrounds, characters coloured by entropy. */
export function colouredPatches(
  bytes: Uint8Array,
  patches: readonly Patch[],
): string {
  const cells = patchCells(bytes, patches).map(({ text, patch, entropy }) => {
    const background = PATCH_BACKGROUNDS[patch % 2]!;
    const foreground = entropy === undefined
      ? TEXT_COLOUR
      : LEVEL_COLOURS[entropyLevel(entropy)]!;
    const shown = text === NEWLINE ? "↵" : text;
    const end = text === NEWLINE ? NEWLINE : "";
    return `\x1b[48;5;${background};38;5;${foreground}m${shown}\x1b[0m${end}`;
  });
  if (!patches.some(({ entropies }) => entropies)) return cells.join("");
  const scale = LEVEL_COLOURS.map((colour, level) =>
    `\x1b[48;5;${PATCH_BACKGROUNDS[0]};38;5;${colour}m ${level} \x1b[0m`
  );
  return `${cells.join("")}\n\n${scale.join("")} ${ENTROPY_LEGEND}`;
}

/**
 * Patches with `|` between them, in lines of at most `columns`, and under each
 * line the entropies.
 */
export function plainPatches(
  bytes: Uint8Array,
  patches: readonly Patch[],
  columns = 80,
): string {
  const hasEntropies = patches.some(({ entropies }) => entropies);
  const lines: string[] = [];
  let text = "";
  let levels = "";
  let width = 0;
  function endLine(): void {
    lines.push(text);
    if (hasEntropies) lines.push(levels.trimEnd());
    text = levels = "";
    width = 0;
  }
  let previous = 0;
  for (const cell of patchCells(bytes, patches)) {
    const bar = cell.patch === previous ? "" : "|";
    const shown = bar + (cell.text === NEWLINE ? "↵" : cell.text);
    const cellWidth = columnsOf(shown);
    if (width + cellWidth > columns && width > 0) endLine();
    text += shown;
    const level = cell.entropy === undefined ? "" : entropyLevel(cell.entropy);
    levels += `${bar && " "}${level}`.padEnd(cellWidth);
    width += cellWidth;
    previous = cell.patch;
    if (cell.text === NEWLINE) endLine();
  }
  if (text !== "") endLine();
  if (hasEntropies) lines.push("", `digits: ${ENTROPY_LEGEND}`);
  return lines.join("\n");
}

/**
 * What a view of patches shows, in order. A character that is cut by a patch,
 * or that is not to be printed, is shown as the hex form of each of its bytes.
 */
export function patchCells(
  bytes: Uint8Array,
  patches: readonly Patch[],
): PatchCell[] {
  return patches.flatMap(({ start, length, entropies }, patch) => {
    const part = bytes.subarray(start, start + length);
    return spans(part).map(({ text, from, to }) => ({
      text,
      patch,
      ...entropies && { entropy: Math.max(...entropies.slice(from, to)) },
    }));
  });
}

/** A cell as a range of the bytes of one patch. */
interface Span {
  text: string;
  readonly from: number;
  to: number;
  /** Whether a combining mark may follow. */
  readonly open: boolean;
}

function spans(bytes: Uint8Array): Span[] {
  const result: Span[] = [];
  for (let from = 0; from < bytes.length;) {
    const character = characterAt(bytes, from);
    const text = character ?? `⟨${bytes[from]!.toString(16).padStart(2, "0")}⟩`;
    const to = from + (character ? encoder.encode(character).length : 1);
    const before = result.at(-1);
    const combines = COMBINING.test(text);
    if (combines && before?.open) {
      before.text += text;
      before.to = to;
    } else {
      // A mark with nothing before it has a circle to stand on.
      const open = character !== undefined && character !== NEWLINE;
      result.push({ text: combines ? `◌${text}` : text, from, to, open });
    }
    from = to;
  }
  return result;
}

/** The character whose bytes start there, if it is whole and printable. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const lead = bytes[at]!;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    const text = decoder.decode(bytes.subarray(at, at + length));
    return text === NEWLINE || !UNPRINTABLE.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function columnsOf(text: string): number {
  return [...text].reduce(
    (sum, character) =>
      sum + (COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1),
    0,
  );
}
