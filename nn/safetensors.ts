import {
  elementCount,
  METADATA,
  parseSafetensorsHeader,
  refuse,
  type SafetensorsEntry,
} from "./safetensors_header.ts";
import {
  SAFETENSORS_TYPES,
  type SafetensorsData,
} from "./safetensors_types.ts";

export type { SafetensorsData };

/** One tensor of a file. */
export interface SafetensorsTensor {
  /** Type of the elements in the file, such as F32, BF16, I64 or BOOL. */
  readonly dtype: string;
  /** Length of each axis; [] for a scalar. */
  readonly shape: readonly number[];
  /**
   * The elements: floats of 8 and 16 bits are widened to f32, all else is
   * exact. Copied out of the file when it is first asked for; throws a
   * `SyntaxError` for a type whose values are not known.
   */
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

/** Bytes in front of the header: its length as u64. */
const PREFIX = 8;

/** Largest header in bytes, as in the reference implementation. */
const MAX_HEADER = 100_000_000;

/**
 * Reads a file in the safetensors format
 * (https://github.com/huggingface/safetensors). `bytes` must stay as they are
 * until the data of its tensors were asked for, and share no memory with them.
 * Throws a `SyntaxError` that says what is wrong when the file is malformed:
 * every byte must belong to exactly one tensor.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const header = readHeader(bytes);
  const { metadata, entries } = parseSafetensorsHeader(header);
  const content = bytes.subarray(PREFIX + header.length);
  checkCoverage(entries, content.length);
  const tensors = new Map(
    entries.map((entry) => [entry.name, tensorOf(entry, content)]),
  );
  return { metadata, tensors };
}

/**
 * Writes `tensors` in the safetensors format, in the order of the map. Throws a
 * `TypeError` for numbers of another type than f32 and u32, and a
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
    const floats = data instanceof Float32Array;
    if (!floats && !((data as unknown) instanceof Uint32Array)) {
      throw new TypeError(
        `Cannot write tensor ${name}: expected a Float32Array or Uint32Array, got ${
          Object.prototype.toString.call(data).slice(8, -1)
        }`,
      );
    }
    const dtype = floats ? "F32" : "U32";
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
  if (bytes.length < PREFIX) {
    const found = `expected a file of >= ${PREFIX} bytes, got ${bytes.length}`;
    refuse("header", found);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX);
  const length = view.getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER, bytes.length - PREFIX);
  if (length > limit) {
    refuse("header", `expected <= ${limit} bytes, got ${length}`);
  }
  return bytes.subarray(PREFIX, PREFIX + Number(length));
}

function tensorOf(
  { name, dtype, shape, begin, end }: SafetensorsEntry,
  content: Uint8Array,
): SafetensorsTensor {
  let data: SafetensorsData | undefined;
  return {
    dtype,
    shape,
    get data(): SafetensorsData {
      return data ??= decode(name, dtype, content.slice(begin, end).buffer);
    },
  };
}

/** Every one of the `length` bytes of data must belong to one entry. */
function checkCoverage(
  entries: readonly SafetensorsEntry[],
  length: number,
): void {
  let at = 0;
  const inOrder = entries.toSorted((a, b) =>
    a.begin - b.begin || a.end - b.end
  );
  for (const { name, begin, end } of inOrder) {
    if (begin !== at) {
      refuse(
        `tensor ${name}`,
        `expected data without overlap or hole from ${at}, got ${begin}`,
      );
    }
    if (end > length) {
      refuse(
        `tensor ${name}`,
        `expected data within ${length} bytes, got an end at ${end}`,
      );
    }
    at = end;
  }
  if (at !== length) refuse("data", `expected ${at} bytes, got ${length}`);
}

/** `buffer` is a copy, because a file may place numbers at unaligned bytes. */
function decode(
  name: string,
  dtype: string,
  buffer: ArrayBuffer,
): SafetensorsData {
  const known = SAFETENSORS_TYPES.get(dtype)?.decode;
  if (known) return known(buffer);
  const names = [...SAFETENSORS_TYPES].filter(([, type]) => type.decode)
    .map(([name]) => name).join(", ");
  refuse(`tensor ${name}`, `expected values of ${names}, got ${dtype}`);
}

function isCounts(value: readonly number[]): boolean {
  return value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
