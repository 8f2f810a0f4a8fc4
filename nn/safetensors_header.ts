import { SAFETENSORS_TYPES } from "./safetensors_types.ts";

/** Where a tensor's bytes lie behind the header. */
export interface SafetensorsEntry {
  /** The tensor's. */
  readonly name: string;
  /** Name of the type of its elements. */
  readonly dtype: string;
  /** Length of each axis; [] for a scalar. */
  readonly shape: readonly number[];
  /** First byte. */
  readonly begin: number;
  /** Byte behind the last. */
  readonly end: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  /** Free text by key. */
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the file. */
  readonly entries: readonly SafetensorsEntry[];
}

/** Key of the free text among the names of the tensors. */
export const METADATA = "__metadata__";

/** Deepest nesting of what nobody reads, as in the reference implementation. */
const MAX_DEPTH = 127;

const QUOTE = 0x22; // "
const COMMA = 0x2c; // ,
const ZERO = 0x30; // 0
const COLON = 0x3a; // :
const OPEN_LIST = 0x5b; // [
const BACKSLASH = 0x5c; // \
const CLOSE_LIST = 0x5d; // ]
const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORD = /true|false|null/y;

/**
 * Reads the JSON of a header, with little memory besides the result.
 * `JSON.parse` would keep the last of equal keys, which are an error here.
 * Throws a `SyntaxError` that names the tensor and what is wrong.
 */
export function parseSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  const text = textOf(bytes.subarray(0, tooDeep(bytes)));
  return new HeaderParser(text).header();
}

/**
 * Where nesting is so deep that the parser has refused it, or the length: 64 MB
 * of brackets are not worth being decoded.
 */
function tooDeep(bytes: Uint8Array): number {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) inText = !inText;
    else if (inText) i += Number(byte === BACKSLASH);
    else if (byte === OPEN || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE || byte === CLOSE_LIST) depth--;
    if (depth > 2 * MAX_DEPTH) return i;
  }
  return bytes.length;
}

function textOf(bytes: Uint8Array): string {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes);
  } catch {
    refuse("header", "expected JSON in UTF-8, got other bytes");
  }
}

class HeaderParser {
  readonly #json: string;
  #at = 0;

  constructor(json: string) {
    this.#json = json;
  }

  header(): SafetensorsHeader {
    const metadata = new Map<string, string>();
    const entries: SafetensorsEntry[] = [];
    this.#object("header", (name) => {
      if (name !== METADATA) entries.push(this.#entry(name));
      else {
        this.#object(METADATA, (key) => {
          if (this.#peek() !== QUOTE) {
            refuse(METADATA, `expected text for ${key}`);
          }
          metadata.set(key, this.#string());
        });
      }
    });
    this.#peek();
    if (this.#at < this.#json.length) this.#fail();
    return { metadata, entries };
  }

  #entry(name: string): SafetensorsEntry {
    const what = `tensor ${name}`;
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#object(what, (key) => {
      if (key === "dtype") {
        dtype = this.#peek() === QUOTE ? this.#string() : undefined;
        checkType(dtype, what);
      } else if (key === "shape") shape = this.#counts(what, SHAPE_RULE);
      else if (key === "data_offsets") {
        offsets = this.#counts(what, OFFSETS_RULE);
      } else this.#skip();
    });
    checkType(dtype, what);
    if (!shape) refuse(what, SHAPE_RULE);
    if (offsets?.length !== 2) refuse(what, OFFSETS_RULE);
    const [begin, end] = offsets as [number, number];
    const bits = SAFETENSORS_TYPES.get(dtype)?.bits;
    if (bits !== undefined) {
      const bytes = elementCount(shape) * bits / 8;
      if (end - begin !== bytes) {
        const sizes = shape.join(", ");
        refuse(
          what,
          `expected ${bytes} bytes for ${dtype} [${sizes}], got ${end - begin}`,
        );
      }
    }
    if (begin > end) refuse(what, OFFSETS_RULE);
    return { name, dtype, shape, begin, end };
  }

  /** Reads `{"key": value, ...}`; `value` reads what follows each key. */
  #object(what: string, value: (key: string) => void): void {
    if (this.#peek() !== OPEN) {
      this.#skip(); // which fails where there is no JSON at all
      refuse(what, "expected a JSON object");
    }
    const keys = new Set<string>();
    this.#list(CLOSE, () => {
      if (this.#peek() !== QUOTE) this.#fail();
      const key = this.#string();
      if (keys.has(key)) {
        refuse("header", `expected distinct keys, got ${key} twice`);
      }
      keys.add(key);
      if (this.#peek() !== COLON) this.#fail();
      this.#at++;
      value(key);
    });
  }

  /** Reads `[count, ...]`. */
  #counts(what: string, rule: string): number[] {
    if (this.#peek() !== OPEN_LIST) refuse(what, rule);
    const counts: number[] = [];
    this.#list(CLOSE_LIST, () => {
      this.#peek();
      const count = this.#number();
      if (!Number.isSafeInteger(count) || count < 0) refuse(what, rule);
      counts.push(count);
    });
    return counts;
  }

  /** Reads a bracket, items with commas between them, and `close`. */
  #list(close: number, item: () => void): void {
    this.#at++;
    if (this.#peek() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      const next = this.#peek();
      this.#at++;
      if (next === close) return;
      if (next !== COMMA) {
        this.#at--;
        this.#fail();
      }
    }
  }

  /** Reads any value, for keys that mean nothing here. */
  #skip(depth = 0): void {
    if (depth > MAX_DEPTH) {
      refuse("header", `expected <= ${MAX_DEPTH} levels of brackets, got more`);
    }
    switch (this.#peek()) {
      case QUOTE:
        this.#string();
        break;
      case OPEN:
        this.#object("header", () => this.#skip(depth + 1));
        break;
      case OPEN_LIST:
        this.#list(CLOSE_LIST, () => this.#skip(depth + 1));
        break;
      default:
        if (!this.#match(NUMBER) && !this.#match(WORD)) this.#fail();
    }
  }

  #string(): string {
    const json = this.#json;
    const start = this.#at++;
    let escapes = false;
    for (;; this.#at++) {
      const found = json.charCodeAt(this.#at);
      if (found === QUOTE) break;
      // NaN, behind the end, is not >= 0x20 either.
      if (!(found >= 0x20)) this.#fail();
      if (found === BACKSLASH) {
        escapes = true;
        this.#at++;
      }
    }
    const end = this.#at++;
    if (!escapes) return json.slice(start + 1, end);
    try {
      const text: string = JSON.parse(json.slice(start, end + 1));
      if (text.isWellFormed()) return text;
    } catch {
      // The same error as for half a character.
    }
    this.#at = start;
    this.#fail();
  }

  /** The next character that is no space; NaN at the end. */
  #peek(): number {
    const json = this.#json;
    for (;;) {
      const found = json.charCodeAt(this.#at);
      const space = found === 0x20 || found === 0x0a || found === 0x0d ||
        found === 0x09;
      if (!space) return found;
      this.#at++;
    }
  }

  /** A number; NaN if there is none. */
  #number(): number {
    const start = this.#at;
    let count = 0;
    for (;; this.#at++) {
      const digit = this.#json.charCodeAt(this.#at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      count = 10 * count + digit;
    }
    const found = this.#json.charCodeAt(this.#at);
    const plain = found === COMMA || found === CLOSE_LIST;
    const digits = this.#at - start;
    // Exact, and as JSON writes it: without a 0 in front.
    const zero = this.#json.charCodeAt(start) === ZERO;
    if (plain && digits > 0 && digits < 16 && (digits === 1 || !zero)) {
      return count;
    }
    this.#at = start;
    return Number(this.#match(NUMBER) ?? NaN);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#json) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(): never {
    const rest = JSON.stringify(this.#json.slice(this.#at, this.#at + 12));
    const found = this.#at < this.#json.length ? rest : "its end";
    refuse(
      "header",
      `expected JSON in UTF-8, got ${found} at character ${this.#at}`,
    );
  }
}

const SHAPE_RULE = "expected a shape of integers >= 0";
const OFFSETS_RULE = "expected two data_offsets >= 0, the second not less";

const TYPE_NAME = /^[A-Z][A-Z0-9_]{0,31}$/;

/** Names of later versions are names, too. */
function checkType(
  dtype: string | undefined,
  what: string,
): asserts dtype is string {
  if (dtype !== undefined && TYPE_NAME.test(dtype)) return;
  const names = [...SAFETENSORS_TYPES.keys()].join(", ");
  refuse(
    what,
    `expected a dtype such as ${names}, got ${dtype ?? "no text"}`,
  );
}

/** Elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, length) => count * length, 1);
}

/** Throws the `SyntaxError` of a part of a file that breaks a rule. */
export function refuse(what: string, rule: string): never {
  throw new SyntaxError(`Cannot read ${what}: ${rule}`);
}
