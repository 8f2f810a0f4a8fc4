/** Values of a tensor in a file, in row-major order. */
export type SafetensorsData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Type of the elements of a tensor in a file. */
export interface SafetensorsType {
  /** Bits of an element. */
  readonly bits: number;
  /** Values of whole elements in memory of their own; absent: not readable. */
  readonly decode?: (buffer: ArrayBuffer) => SafetensorsData;
}

/**
 * Types by name, as the format has them. A file may hold others, such as those
 * of a later version: only reading their values is an error.
 */
export const SAFETENSORS_TYPES: ReadonlyMap<string, SafetensorsType> = new Map(
  Object.entries<SafetensorsType>({
    BOOL: { bits: 8, decode: (buffer) => new Uint8Array(buffer) },
    U8: { bits: 8, decode: (buffer) => new Uint8Array(buffer) },
    I8: { bits: 8, decode: (buffer) => new Int8Array(buffer) },
    U16: { bits: 16, decode: (buffer) => new Uint16Array(buffer) },
    I16: { bits: 16, decode: (buffer) => new Int16Array(buffer) },
    U32: { bits: 32, decode: (buffer) => new Uint32Array(buffer) },
    I32: { bits: 32, decode: (buffer) => new Int32Array(buffer) },
    U64: { bits: 64, decode: (buffer) => new BigUint64Array(buffer) },
    I64: { bits: 64, decode: (buffer) => new BigInt64Array(buffer) },
    F64: { bits: 64, decode: (buffer) => new Float64Array(buffer) },
    F32: { bits: 32, decode: (buffer) => new Float32Array(buffer) },
    F16: {
      bits: 16,
      decode: (buffer) => new Float32Array(new Float16Array(buffer)),
    },
    BF16: { bits: 16, decode: widenBfloat16 },
    F8_E4M3: { bits: 8, decode: (buffer) => widenFloat8(buffer, E4M3) },
    F8_E5M2: { bits: 8, decode: (buffer) => widenFloat8(buffer, E5M2) },
    F8_E8M0: { bits: 8, decode: (buffer) => widenFloat8(buffer, E8M0) },
    F8_E4M3FNUZ: { bits: 8 },
    F8_E5M2FNUZ: { bits: 8 },
    F6_E2M3: { bits: 6 },
    F6_E3M2: { bits: 6 },
    F4: { bits: 4 },
    C64: { bits: 64 },
  }),
);

/** The upper half of an f32 is a bfloat16. */
function widenBfloat16(buffer: ArrayBuffer): Float32Array {
  const words = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
  return new Float32Array(words.buffer);
}

/** Value of a byte as a float of 8 bits. */
type Float8 = (byte: number) => number;

/** Looks each byte up, since there are only 256. */
function widenFloat8(buffer: ArrayBuffer, valueOf: Float8): Float32Array {
  const values = Float32Array.from({ length: 256 }, (_, i) => valueOf(i));
  return Float32Array.from(new Uint8Array(buffer), (byte) => values[byte]!);
}

/** Sign, 5 bits of exponent, 2 of mantissa: the upper half of an f16. */
const E5M2: Float8 = (byte) =>
  new Float16Array(Uint16Array.of(byte << 8).buffer)[0]!;

/**
 * Sign, 4 bits of exponent, 3 of mantissa, without infinities (Micikevicius et
 * al., 2022, arXiv:2209.05433, table 1).
 */
const E4M3: Float8 = (byte) => {
  const exponent = byte >> 3 & 15;
  const mantissa = byte & 7;
  const sign = byte & 128 ? -1 : 1;
  if ((byte & 127) === 127) return NaN;
  return exponent === 0
    ? sign * mantissa * 2 ** -9
    : sign * (8 + mantissa) * 2 ** (exponent - 10);
};

/** A power of two alone: the scales of the OCP's microscaling formats, 2023. */
const E8M0: Float8 = (byte) => byte === 255 ? NaN : 2 ** (byte - 127);
