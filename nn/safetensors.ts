/** Values of a tensor in a file, in row-major order. */
export type SafetensorsData =
  | Float32Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | Uint8Array;

/** One tensor of a file. */
export interface SafetensorsTensor {
  /** Type of the elements in the file: F32, F16, BF16, U32, I32, I64 or U8. */
  readonly dtype: string;
  /** Length of each axis; [] for a scalar. */
  readonly shape: readonly number[];
  /** The elements; F16 and BF16 are widened to f32, all else is exact. */
  readonly data: SafetensorsData;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Free text by key. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors by name. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** A tensor to be written: f32 or u32. */
export interface WritableTensor {
  /** Length of each axis; [] for a scalar. */
  readonly shape: readonly number[];
  /** The elements, in row-major order. */
  readonly data: Float32Array | Uint32Array;
}

/** Where a tensor's bytes lie behind the header. */
interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

interface DType {
  readonly bytes: number;
  readonly decode: (buffer: ArrayBuffer) => SafetensorsData;
}

const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["F32", { bytes: 4, decode: (buffer) => new Float32Array(buffer) }],
  ["F16", {
    bytes: 2,
    decode: (buffer) => new Float32Array(new Float16Array(buffer)),
  }],
  ["BF16", { bytes: 2, decode: widenBfloat16 }],
  ["U32", { bytes: 4, decode: (buffer) => new Uint32Array(buffer) }],
  ["I32", { bytes: 4, decode: (buffer) => new Int32Array(buffer) }],
  ["I64", { bytes: 8, decode: (buffer) => new BigInt64Array(buffer) }],
  ["U8", { bytes: 1, decode: (buffer) => new Uint8Array(buffer) }],
]);

/** Bytes in front of the header: its length as u64. */
const PREFIX = 8;

/** Largest header in bytes, as in the reference implementation. */
const MAX_HEADER = 100_000_000;

/** Key of the free text among the names of the tensors. */
const METADATA = "__metadata__";

/**
 * Reads a file in the safetensors format
 * (https://github.com/huggingface/safetensors). The result shares no memory
 * with `bytes`. Throws a `SyntaxError` that says what is wrong when the file is
 * malformed: every byte must belong to exactly one tensor.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const header = readHeader(bytes);
  const dataStart = PREFIX + header.length;
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(parseHeader(header))) {
    if (name === METADATA) {
      for (const [key, text] of Object.entries(asObject(METADATA, value))) {
        check(typeof text === "string", METADATA, `expected text for ${key}`);
        metadata.set(key, text);
      }
    } else {
      entries.push(parseEntry(name, value));
    }
  }
  checkCoverage(entries, bytes.length - dataStart);
  const tensors = new Map(entries.map(({ name, dtype, shape, begin, end }) => {
    // A copy, because the file may place numbers at unaligned bytes.
    const own = new Uint8Array(
      bytes.subarray(dataStart + begin, dataStart + end),
    );
    return [name, {
      dtype,
      shape,
      data: DTYPES.get(dtype)!.decode(own.buffer),
    }];
  }));
  return { metadata, tensors };
}

/**
 * Writes `tensors` in the safetensors format, in the order of the map. Throws a
 * `RangeError` when a shape does not fit its data.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const weight = { shape: [1, 2], data: Float32Array.of(3, 4) };
 * const { tensors } = readSafetensors(
 *   writeSafetensors(new Map([["head.weight", weight]])),
 * );
 * assertEquals(tensors.get("head.weight"), { dtype: "F32", ...weight });
 * ```
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries: [string, unknown][] = [];
  if (metadata.size > 0) entries.push([METADATA, Object.fromEntries(metadata)]);
  for (const [name, { shape, data }] of tensors) {
    if (name === METADATA) {
      throw new RangeError(`Cannot write tensor ${name}: the name is reserved`);
    }
    if (!isCounts(shape) || elementCount(shape) !== data.length) {
      throw new RangeError(
        `Cannot write tensor ${name}: expected ${data.length} elements, got ` +
          `shape [${shape.join(", ")}]`,
      );
    }
    const dtype = data instanceof Float32Array ? "F32" : "U32";
    const begin = end;
    end += data.byteLength;
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // fromEntries and not assignment: a tensor may be called __proto__.
  const json = JSON.stringify(Object.fromEntries(entries));
  const header = new TextEncoder().encode(json);
  const dataStart = PREFIX + Math.ceil(header.length / 8) * 8;

  const bytes = new Uint8Array(dataStart + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - PREFIX), true);
  bytes.fill(0x20, PREFIX, dataStart);
  bytes.set(header, PREFIX);
  let at = dataStart;
  for (const { data } of tensors.values()) {
    bytes.set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      at,
    );
    at += data.byteLength;
  }
  return bytes;
}

function readHeader(bytes: Uint8Array): Uint8Array {
  check(
    bytes.length >= PREFIX,
    "header",
    `expected a file of >= ${PREFIX} bytes, got ${bytes.length}`,
  );
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX);
  const length = view.getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER, bytes.length - PREFIX);
  check(length <= limit, "header", `expected <= ${limit} bytes, got ${length}`);
  return bytes.subarray(PREFIX, PREFIX + Number(length));
}

function parseHeader(header: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    text = decoder.decode(header);
    value = JSON.parse(text);
  } catch (cause) {
    const found = (cause as Error).message;
    throw new SyntaxError(
      `Cannot read header: expected JSON in UTF-8, got: ${found}`,
      { cause },
    );
  }
  checkDistinctKeys(text);
  return asObject("header", value);
}

/** `JSON.parse` keeps the last of equal keys; here they are an error. */
function checkDistinctKeys(json: string): void {
  const open: Set<string>[] = [];
  let start = 0;
  let end = 0; // json.slice(start, end) is the latest string
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === "{" || character === "[") {
      open.push(new Set());
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      start = i++;
      while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      end = i + 1;
    } else if (character === ":") {
      const key: string = JSON.parse(json.slice(start, end));
      const keys = open.at(-1)!;
      check(
        !keys.has(key),
        "header",
        `expected distinct keys, got ${key} twice`,
      );
      keys.add(key);
    }
  }
}

function parseEntry(name: string, value: unknown): Entry {
  const what = `tensor ${name}`;
  const { dtype, shape, data_offsets: offsets } = asObject(what, value);
  check(
    typeof dtype === "string" && DTYPES.has(dtype),
    what,
    `expected a dtype of ${[...DTYPES.keys()]}, got ${
      typeof dtype === "string" ? dtype : typeof dtype
    }`,
  );
  check(isCounts(shape), what, "expected a shape of integers >= 0");
  check(
    isCounts(offsets) && offsets.length === 2,
    what,
    "expected two data_offsets >= 0",
  );
  const [begin, end] = offsets as [number, number];
  const bytes = elementCount(shape) * DTYPES.get(dtype)!.bytes;
  check(
    end - begin === bytes,
    what,
    `expected ${bytes} bytes for ${dtype} [${shape.join(", ")}], got ${
      end - begin
    }`,
  );
  return { name, dtype, shape, begin, end };
}

/** Every one of the `length` bytes of data must belong to one entry. */
function checkCoverage(entries: readonly Entry[], length: number): void {
  let at = 0;
  const inOrder = entries.toSorted((a, b) =>
    a.begin - b.begin || a.end - b.end
  );
  for (const { name, begin, end } of inOrder) {
    const what = `tensor ${name}`;
    check(
      begin === at,
      what,
      `expected data without overlap or hole from ${at}, got ${begin}`,
    );
    check(
      end <= length,
      what,
      `expected data within ${length} bytes, got an end at ${end}`,
    );
    at = end;
  }
  check(at === length, "data", `expected ${at} bytes, got ${length}`);
}

/** The upper half of an f32 is a bfloat16. */
function widenBfloat16(buffer: ArrayBuffer): Float32Array {
  const words = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
  return new Float32Array(words.buffer);
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, length) => count * length, 1);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function asObject(what: string, value: unknown): Record<string, unknown> {
  check(
    typeof value === "object" && value !== null && !Array.isArray(value),
    what,
    "expected a JSON object",
  );
  return value as Record<string, unknown>;
}

function check(ok: boolean, what: string, rule: string): asserts ok {
  if (!ok) throw new SyntaxError(`Cannot read ${what}: ${rule}`);
}
