import { decode, encode } from "./bytes.ts";
import type { TextPatch, TextSpan, TextUnits } from "./segment.ts";

/** A group of units as `patch --json` prints it. */
export interface SpanObject extends TextSpan {
  /** The bytes as UTF-8, U+FFFD where it is none. */
  readonly text: string;
}

/** A patch as `patch --json` prints it. */
export interface PatchObject extends SpanObject, TextPatch {
  /** Empty where entropies do not decide. */
  readonly entropies: readonly number[];
}

/** Units of a text as `patch --json` prints them. */
export interface UnitsObject {
  /** Patches. */
  readonly patches: readonly PatchObject[];
  /** Groups of patches, then groups of those. */
  readonly levels: readonly (readonly SpanObject[])[];
}

/** What stands in one place of a patch view. */
export interface PatchCell {
  /** A character with its combining marks, or one byte in hex or `CONTINUED`. */
  readonly text: string;
  /** Index of the patch that holds it. */
  readonly patch: number;
  /** Bars for what begins there, not at the front: a patch, a group, and so on. */
  readonly bars: string;
  /** Largest entropy of its bytes, in nats; absent without a model. */
  readonly entropy?: number;
  /** With routing: largest probability that a byte of it starts a patch. */
  readonly probability?: number;
}

/** Stands in front of a patch, twice in front of a group of patches. */
const BAR = "|";

/** Stands for a byte of a character that began in an earlier patch. */
const CONTINUED = "◂";

/** Levels that `scoreLevel` tells apart. */
export const SCORE_LEVELS = 10;

/**
 * Half nats of entropy, or tenths of probability, rounded down, at most 9;
 * `undefined` for a cell without either.
 */
export function scoreLevel(
  { entropy, probability }: Pick<PatchCell, "entropy" | "probability">,
): number | undefined {
  const level = entropy === undefined
    ? probability && 10 * probability
    : 2 * entropy;
  return level && Math.max(0, Math.min(SCORE_LEVELS - 1, Math.floor(level)));
}

/** Colours of a terminal with 256, from calm to surprised, all light. */
const LEVEL_COLOURS = [67, 73, 79, 114, 150, 186, 222, 215, 209, 203];
const TEXT_COLOUR = 253;
const PATCH_BACKGROUNDS = [234, 239];

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
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    text += character ?? hexOf(bytes[at]!);
    at += character ? byteLength(bytes[at]!) : 1;
  }
  return text;
}

/** Text that is safe to show: what would command a terminal is in hex. */
export function printableText(text: string): string {
  return text.toWellFormed().replace(
    new RegExp(UNPRINTABLE, "gu"),
    (found) =>
      found === NEWLINE
        ? found
        : [...new TextEncoder().encode(found)].map(hexOf).join(""),
  );
}

/** JSON of the same value in which nothing would command a terminal. */
export function printableJson(json: string): string {
  return json.replace(
    new RegExp(UNPRINTABLE, "gu"),
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Makes bytes that come one by one printable, a character at a time. */
export class PrintableStream {
  #pending: number[] = [];

  /** What can be shown with this byte. */
  push(byte: number): string {
    this.#pending.push(byte);
    return this.#pending.length < byteLength(this.#pending[0]!)
      ? ""
      : this.end();
  }

  /** What is left to show. */
  end(): string {
    const bytes = Uint8Array.from(this.#pending);
    this.#pending = [];
    return printable(bytes);
  }
}

/** Units of a text as `patch --json` prints them. */
export function unitObjects(
  bytes: Uint8Array,
  { patches, levels }: TextUnits,
): UnitsObject {
  function spanObject({ start, length }: TextSpan): SpanObject {
    const part = bytes.subarray(start, start + length);
    const text = decode(encode(part, { bos: false, eos: false }));
    return { start, length, text };
  }
  return {
    patches: patches.map((patch) => {
      const { entropies = [], probabilities } = patch;
      const routed = probabilities && { probabilities };
      return { ...spanObject(patch), entropies, ...routed };
    }),
    levels: levels.map((spans) => spans.map(spanObject)),
  };
}

/** Bars in a view that shows patches by their backgrounds: those of groups. */
export function groupBars(bars: string): string {
  return bars.length > 1 ? bars : "";
}

/** Lines that explain cells; `scale` shows the levels of scores, if there are. */
export function cellLegend(
  cells: readonly PatchCell[],
  scale: string,
): string[] {
  const legend: string[] = [];
  if (cells.some(({ entropy }) => entropy !== undefined)) {
    legend.push(
      `${scale} entropy in half nats, of a character the largest of its bytes, 9 for 4.5 nats and more`,
    );
  }
  if (cells.some(({ probability }) => probability !== undefined)) {
    legend.push(
      `${scale} probability in tenths that a patch starts, of a character the largest of its bytes`,
    );
  }
  const most = cells.reduce((most, { bars }) => bars > most ? bars : most, "");
  for (let level = 2; level <= most.length; level++) {
    const units = level === 2 ? "patches" : "groups";
    legend.push(`${BAR.repeat(level)} begins a group of ${units}`);
  }
  if (cells.some(({ text }) => text === CONTINUED)) {
    legend.push(
      `${CONTINUED} is a byte of a character that began in an earlier patch`,
    );
  }
  return legend;
}

/**
 * Patches in two backgrounds, characters coloured by scores; groups begin with
 * a bar for each level.
 */
export function colouredPatches(bytes: Uint8Array, units: TextUnits): string {
  const cells = patchCells(bytes, units);
  const painted = cells.map((cell) => {
    const { text, patch, bars } = cell;
    const background = PATCH_BACKGROUNDS[patch % 2]!;
    const level = scoreLevel(cell);
    const foreground = level === undefined
      ? TEXT_COLOUR
      : LEVEL_COLOURS[level]!;
    const painted = text === NEWLINE
      ? painting("↵", foreground, background) + NEWLINE
      : painting(text, foreground, background);
    return groupBars(bars) + painted;
  });
  const scale = LEVEL_COLOURS.map((colour, level) =>
    painting(` ${level} `, colour, PATCH_BACKGROUNDS[0]!)
  ).join("");
  return [painted.join(""), ...cellLegend(cells, scale)].join("\n");
}

/**
 * Patches with `|` between them, `||` where a group begins, and so on, in lines
 * of at most `columns`, and under each line the scores.
 */
export function plainPatches(
  bytes: Uint8Array,
  units: TextUnits,
  columns: number = 80,
): string {
  const cells = patchCells(bytes, units);
  const scored = cells.some((cell) => scoreLevel(cell) !== undefined);
  const lines: string[] = [];
  let text = "";
  let levels = "";
  let width = 0;
  function endLine(): void {
    lines.push(text);
    if (scored) lines.push(levels.trimEnd());
    text = levels = "";
    width = 0;
  }
  for (const cell of cells) {
    const shown = cell.bars + (cell.text === NEWLINE ? "↵" : cell.text);
    const cellWidth = columnsOf(shown);
    if (width + cellWidth > columns && width > 0) endLine();
    text += shown;
    const level = scoreLevel(cell) ?? "";
    levels += `${" ".repeat(cell.bars.length)}${level}`.padEnd(cellWidth);
    width += cellWidth;
    if (cell.text === NEWLINE) endLine();
  }
  if (text !== "") endLine();
  return [...lines, ...cellLegend(cells, "digits:")].join("\n");
}

/**
 * What a view of patches shows, in order. A character stands in the patch where
 * it begins; each of its bytes in a later patch is `CONTINUED`. A byte that is
 * not UTF-8, or not to be printed, is in hex.
 */
export function patchCells(
  bytes: Uint8Array,
  { patches, levels }: TextUnits,
): PatchCell[] {
  const groups = levels.map((spans) =>
    new Set(spans.map(({ start }) => start))
  );
  const cells: PatchCell[] = [];
  let characterEnd = 0;
  patches.forEach(({ start, length, entropies, probabilities }, patch) => {
    const end = start + length;
    const spans: Span[] = [];
    for (let from = start; from < end;) {
      let text = CONTINUED;
      let to = from + 1;
      let open = false;
      if (from >= characterEnd) {
        const character = characterAt(bytes, from);
        characterEnd = from + (character ? byteLength(bytes[from]!) : 1);
        text = character ?? hexOf(bytes[from]!);
        to = Math.min(end, characterEnd);
        open = character !== undefined && character !== NEWLINE;
      }
      const before = spans.at(-1);
      const combines = COMBINING.test(text);
      if (combines && before?.open) {
        before.text += text;
        before.to = to;
      } else {
        // A mark with nothing before it has a circle to stand on.
        spans.push({ text: combines ? `◌${text}` : text, from, to, open });
      }
      from = to;
    }
    for (const { text, from, to } of spans) {
      const most = (scores: readonly number[]): number =>
        scores.slice(from - start, to - start)
          .reduce((a, b) => Math.max(a, b), -Infinity);
      const begun = groups.filter((starts) => starts.has(start)).length;
      const bars = patch > 0 && from === start ? BAR.repeat(1 + begun) : "";
      cells.push({
        text,
        patch,
        bars,
        ...entropies && { entropy: most(entropies) },
        ...probabilities && { probability: most(probabilities) },
      });
    }
  });
  return cells;
}

/** A cell while it grows: a range of the text. */
interface Span {
  text: string;
  readonly from: number;
  to: number;
  /** Whether a combining mark may follow. */
  readonly open: boolean;
}

/** The character whose bytes start there, if it is whole and printable. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const end = at + byteLength(bytes[at]!);
  try {
    const text = decoder.decode(bytes.subarray(at, end));
    return text === NEWLINE || !UNPRINTABLE.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function hexOf(byte: number): string {
  return `⟨${byte.toString(16).padStart(2, "0")}⟩`;
}

/** Bytes of the character that a byte begins, if it begins any. */
function byteLength(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function painting(
  text: string,
  foreground: number,
  background: number,
): string {
  return `\x1b[48;5;${background};38;5;${foreground}m${text}\x1b[0m`;
}

function columnsOf(text: string): number {
  return [...text].reduce(
    (sum, character) =>
      sum + (COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1),
    0,
  );
}
