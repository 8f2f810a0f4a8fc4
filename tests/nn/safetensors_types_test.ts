import { assert, assertEquals } from "@std/assert";
import { SAFETENSORS_TYPES } from "../../nn/safetensors_types.ts";

/** Values of all floats of 8 bits by their fields, without special ones. */
function valueOf(byte: number, exponentBits: number, bias: number): number {
  const mantissaBits = 7 - exponentBits;
  const exponent = byte >> mantissaBits & 2 ** exponentBits - 1;
  const mantissa = (byte & 2 ** mantissaBits - 1) / 2 ** mantissaBits;
  const sign = byte >> 7 ? -1 : 1;
  return exponent === 0
    ? sign * mantissa * 2 ** (1 - bias)
    : sign * (1 + mantissa) * 2 ** (exponent - bias);
}

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);

function decoded(type: string): number[] {
  const { decode } = SAFETENSORS_TYPES.get(type)!;
  return Array.from(decode!(BYTES.slice().buffer), Number);
}

Deno.test("SAFETENSORS_TYPES widen floats of 8 bits", () => {
  const e4m3 = [...BYTES].map((byte) =>
    (byte & 127) === 127 ? NaN : valueOf(byte, 4, 7)
  );
  assertEquals(decoded("F8_E4M3"), e4m3);
  const e5m2 = [...BYTES].map((byte) => {
    if ((byte & 127) === 124) return byte >> 7 ? -Infinity : Infinity;
    return (byte & 127) > 124 ? NaN : valueOf(byte, 5, 15);
  });
  assertEquals(decoded("F8_E5M2"), e5m2);
  const e8m0 = [...BYTES].map((byte) => byte < 255 ? 2 ** (byte - 127) : NaN);
  assertEquals(decoded("F8_E8M0"), e8m0);
});

Deno.test("SAFETENSORS_TYPES have elements of as many bits as they say", () => {
  for (const [name, { bits, decode }] of SAFETENSORS_TYPES) {
    assertEquals(
      bits,
      name === "BOOL" ? 8 : Number(/\d+/.exec(name)![0]),
      name,
    );
    if (!decode) continue;
    const { length } = decode(new ArrayBuffer(64));
    assertEquals(length, 64 * 8 / bits, name);
  }
  assert(SAFETENSORS_TYPES.size > 20);
});
