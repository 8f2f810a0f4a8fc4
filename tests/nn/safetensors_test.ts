import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  readSafetensors,
  type WritableTensor,
  writeSafetensors,
} from "../../nn/safetensors.ts";
import { Rng } from "../../tensor/rng.ts";

/** A file with the given header, as text or as JSON, and data. */
function file(header: unknown, data: ArrayLike<number> = []): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function u8(begin: number, end: number): Record<string, unknown> {
  return { dtype: "U8", shape: [end - begin], data_offsets: [begin, end] };
}

const SAMPLES: ReadonlyMap<string, WritableTensor> = new Map([
  ["layers.0.weight", {
    shape: [2, 3],
    data: new Float32Array([
      0,
      -0,
      1e-45,
      NaN,
      -Infinity,
      3.4028234663852886e38,
    ]),
  }],
  ["ids", { shape: [2], data: new Uint32Array([0, 0xffffffff]) }],
  ["scalar", { shape: [], data: new Float32Array([0.1]) }],
  ["empty", { shape: [3, 0], data: new Float32Array(0) }],
  ["__proto__", { shape: [1], data: new Float32Array([7]) }],
  ["constructor", { shape: [1], data: new Uint32Array([8]) }],
  ["ends with \\", { shape: [1], data: new Float32Array([10]) }],
  ['":\\é\n\u{1f95e}', { shape: [1], data: new Float32Array([9]) }],
]);

Deno.test("writeSafetensors() lays out prefix, padded header and data", () => {
  const bytes = writeSafetensors(
    new Map([["b", { shape: [1], data: new Uint32Array([0x04030201]) }]]),
  );
  const json = '{"b":{"dtype":"U32","shape":[1],"data_offsets":[0,4]}}';
  const header = json.padEnd(56, " ");
  assertEquals(bytes, file(header, [1, 2, 3, 4]));
});

Deno.test("writeSafetensors() keeps every bit for readSafetensors()", () => {
  const metadata = new Map([["format", "pt"], ["__proto__", "{}"], ["", "é"]]);
  const read = readSafetensors(writeSafetensors(SAMPLES, metadata));
  assertEquals(read.metadata, metadata);
  assertEquals([...read.tensors.keys()], [...SAMPLES.keys()]);
  for (const [name, { shape, data }] of SAMPLES) {
    const tensor = read.tensors.get(name)!;
    assertEquals(tensor.shape, shape);
    assertEquals(tensor.dtype, data instanceof Float32Array ? "F32" : "U32");
    assertInstanceOf(tensor.data, data.constructor as typeof Float32Array);
    assertEquals(new Uint8Array(tensor.data.buffer), bytesOf(data));
  }
});

function bytesOf(data: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

Deno.test("writeSafetensors() writes a view's own part of its buffer", () => {
  const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
  const bytes = writeSafetensors(new Map([["view", { shape: [2], data }]]));
  const read = readSafetensors(bytes).tensors.get("view")!;
  assertEquals(read.data, new Float32Array([2, 3]));
});

Deno.test("writeSafetensors() refuses shapes that do not fit", () => {
  const data = new Float32Array(6);
  for (const shape of [[5], [2, 2], [-2, -3], [1.5, 4]]) {
    assertThrows(
      () => writeSafetensors(new Map([["w", { shape, data }]])),
      RangeError,
      `Cannot write tensor w: expected 6 elements, got shape [${
        shape.join(", ")
      }]`,
    );
  }
  assertThrows(
    () => writeSafetensors(new Map([["__metadata__", { shape: [6], data }]])),
    RangeError,
    "the name is reserved",
  );
});

Deno.test("readSafetensors() reads every dtype, at unaligned bytes too", () => {
  const tensors: [string, number[], ArrayLike<number | bigint>][] = [
    ["U8", [255], new Uint8Array([255])],
    [
      "F16",
      [0, 0x3c, 1, 0, 0, 0xfc],
      new Float32Array([1, 2 ** -24, -Infinity]),
    ],
    ["BF16", [0x80, 0x3f, 0x49, 0xc0], new Float32Array([1, -3.140625])],
    ["F32", [0, 0, 0x40, 0x3f], new Float32Array([0.75])],
    ["U32", [0xff, 0xff, 0xff, 0xff], new Uint32Array([2 ** 32 - 1])],
    ["I32", [0xfe, 0xff, 0xff, 0xff], new Int32Array([-2])],
    [
      "I64",
      [0, 0, 0, 0, 0, 0, 0, 0x80],
      new BigInt64Array([-(2n ** 63n)]),
    ],
    ["BOOL", [1, 0], new Uint8Array([1, 0])],
    ["I8", [0x80], new Int8Array([-128])],
    ["I16", [0xfe, 0xff], new Int16Array([-2])],
    ["U16", [0xff, 0xff], new Uint16Array([65535])],
    ["U64", new Array(8).fill(255), new BigUint64Array([2n ** 64n - 1n])],
    [
      "F64",
      [0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f],
      new Float64Array([0.1]),
    ],
    [
      "F8_E4M3",
      [0x38, 0xb8, 0x01, 0x08, 0x7e, 0x7f, 0xff, 0x80],
      new Float32Array([1, -1, 2 ** -9, 2 ** -6, 448, NaN, NaN, -0]),
    ],
    [
      "F8_E5M2",
      [0x3c, 0xbc, 0x01, 0x7b, 0x7c, 0x7e, 0x80],
      new Float32Array([1, -1, 2 ** -16, 57344, Infinity, NaN, -0]),
    ],
    [
      "F8_E8M0",
      [0, 127, 254, 255],
      new Float32Array([2 ** -127, 1, 2 ** 127, NaN]),
    ],
  ];
  const header: Record<string, unknown> = {};
  const data: number[] = [];
  for (const [dtype, bytes, { length }] of tensors) {
    const begin = data.length;
    data.push(...bytes);
    header[dtype] = {
      dtype,
      shape: [length],
      data_offsets: [begin, data.length],
    };
  }
  const padded = new Uint8Array([9, ...file(header, data)]).subarray(1);
  const read = readSafetensors(padded);
  for (const [dtype, , values] of tensors) {
    const expected: unknown = values;
    assertEquals(read.tensors.get(dtype)!.data, expected);
    assertEquals(read.tensors.get(dtype)!.dtype, dtype);
  }
});

Deno.test("readSafetensors() minds types that it does not know when they are used", () => {
  for (const dtype of ["F4", "F6_E2M3", "C64", "F8", "X128_E9M9"]) {
    const size = { F4: 4, F6_E2M3: 6, C64: 64 }[dtype] ?? 8;
    const other = { dtype, shape: [8], "data_offsets": [2, 2 + size] };
    const bytes = file({ a: u8(0, 2), other }, new Uint8Array(2 + size));
    bytes[bytes.length - size - 1] = 7;
    const { tensors } = readSafetensors(bytes);
    assertEquals(tensors.get("a")!.data, new Uint8Array([0, 7]));
    const tensor = tensors.get("other")!;
    assertEquals([tensor.dtype, tensor.shape], [dtype, [8]]);
    assertThrows(
      () => tensor.data,
      SyntaxError,
      `Cannot read tensor other: expected values of BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, got ${dtype}`,
    );
  }
});

Deno.test("readSafetensors() reads values once, when they are asked for", () => {
  const bytes = file({ a: u8(0, 2), b: u8(2, 4) }, [1, 2, 3, 4]);
  const { tensors } = readSafetensors(bytes);
  const { data } = tensors.get("a")!;
  bytes.fill(9, bytes.length - 4);
  assertStrictEquals(tensors.get("a")!.data, data);
  assertEquals(data, new Uint8Array([1, 2]));
  assertEquals(tensors.get("b")!.data, new Uint8Array([9, 9]));
});

Deno.test("readSafetensors() shares no memory with the file", () => {
  const bytes = file({ a: u8(0, 2) }, [1, 2]);
  const { data } = readSafetensors(bytes).tensors.get("a")!;
  bytes.fill(0);
  assertEquals(data, new Uint8Array([1, 2]));
});

Deno.test("readSafetensors() takes tensors in any order and none at all", () => {
  const bytes = file({ b: u8(2, 3), none: u8(2, 2), a: u8(0, 2) }, [1, 2, 3]);
  const { tensors } = readSafetensors(bytes);
  assertEquals(tensors.get("a")!.data, new Uint8Array([1, 2]));
  assertEquals(tensors.get("b")!.data, new Uint8Array([3]));
  assertEquals(tensors.get("none")!.data, new Uint8Array(0));
  assertEquals(readSafetensors(file("{}")).tensors.size, 0);
});

Deno.test("readSafetensors() names the tensor and what is wrong", () => {
  const a = u8(0, 4);
  const four = [1, 2, 3, 4];
  const json = JSON.stringify(a);
  const notUtf8 = file('{"?":{}}');
  notUtf8[10] = 255;
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(7), "header: expected a file of >= 8 bytes, got 7"],
    [file({ a }, four).subarray(0, 20), "header: expected <= 12 bytes, got 53"],
    [
      new Uint8Array(16).fill(255, 0, 8),
      "header: expected <= 8 bytes, got 18446744073709551615",
    ],
    [file(""), "header: expected JSON in UTF-8"],
    [file("{"), "header: expected JSON in UTF-8"],
    [file("\ufeff{}"), "header: expected JSON in UTF-8"],
    [notUtf8, "header: expected JSON in UTF-8"],
    [file("[]"), "header: expected a JSON object"],
    [file("null"), "header: expected a JSON object"],
    [file({ a: null }), "tensor a: expected a JSON object"],
    [file({ a: [] }), "tensor a: expected a JSON object"],
    [
      file(`{"a":${json},"\\u0061":${json}}`, four),
      "header: expected distinct keys, got a twice",
    ],
    [
      file('{"a":{"dtype":"U8","dtype":"U8"}}'),
      "header: expected distinct keys, got dtype twice",
    ],
    [file({ __metadata__: 1 }), "__metadata__: expected a JSON object"],
    [file({ __metadata__: { k: 1 } }), "__metadata__: expected text for k"],
    [
      file({ a: { ...a, dtype: "f32" } }, four),
      "tensor a: expected a dtype such as BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, F6_E2M3, F6_E3M2, F4, C64, got f32",
    ],
    [file({ a: { ...a, dtype: "F4", shape: [4] } }, four), "expected 2 bytes"],
    [
      file({ a: { ...a, dtype: "F16" } }, four),
      "tensor a: expected 8 bytes for F16 [4], got 4",
    ],
    [
      file({ a: { dtype: "F99", shape: [], data_offsets: [4, 0] } }, four),
      "tensor a: expected two data_offsets >= 0, the second not less",
    ],
    [file({ a: { ...a, dtype: "constructor" } }, four), "got constructor"],
    [file({ a: { ...a, dtype: 1 } }, four), "tensor a: expected a dtype"],
    [file({ a: { ...a, shape: 4 } }, four), "tensor a: expected a shape"],
    [file({ a: { ...a, shape: [-4] } }, four), "tensor a: expected a shape"],
    [file({ a: { ...a, shape: [0.5] } }, four), "tensor a: expected a shape"],
    [
      file({ a: { ...a, shape: [2, 3] } }, four),
      "tensor a: expected 6 bytes for U8 [2, 3], got 4",
    ],
    [
      file({ a: { ...a, shape: [2 ** 52, 2 ** 52] } }, four),
      "tensor a: expected 2.028240960365167e+31 bytes",
    ],
    [
      file({ a: { ...a, data_offsets: [0] } }, four),
      "a: expected two data_off",
    ],
    [
      file({ a: { dtype: "U8", shape: [4] } }, four),
      "a: expected two data_off",
    ],
    [
      file({ a: { ...a, data_offsets: [4, 0] } }, four),
      "tensor a: expected 4 bytes for U8 [4], got -4",
    ],
    [
      file({ a }, [1, 2, 3]),
      "tensor a: expected data within 3 bytes, got an end at 4",
    ],
    [
      file({ a, b: u8(3, 6) }, [1, 2, 3, 4, 5, 6]),
      "tensor b: expected data without overlap or hole from 4, got 3",
    ],
    [
      file({ a, b: u8(5, 6) }, [1, 2, 3, 4, 5, 6]),
      "tensor b: expected data without overlap or hole from 4, got 5",
    ],
    [file({ a }, [1, 2, 3, 4, 5]), "data: expected 4 bytes, got 5"],
  ];
  for (const [bytes, message] of cases) {
    const error = assertThrows(() => readSafetensors(bytes), SyntaxError);
    assertStringIncludes(error.message, "Cannot read ");
    assertStringIncludes(error.message, message);
  }
});

Deno.test("readSafetensors() survives deep nesting", () => {
  for (const key of ["dtype", "shape", "data_offsets"]) {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    const a = { dtype: "U8", shape: [0], "data_offsets": [0, 0], [key]: 0 };
    const json = JSON.stringify({ a }).replace(
      `"${key}":0`,
      `"${key}":${nested}`,
    );
    assertThrows(() => readSafetensors(file(json)), SyntaxError, "tensor a");
  }
});

Deno.test("readSafetensors() refuses a header over 100 MB", () => {
  const length = 100_000_001;
  const bytes = new Uint8Array(8 + length);
  new DataView(bytes.buffer).setUint32(0, length, true);
  assertThrows(
    () => readSafetensors(bytes),
    SyntaxError,
    `expected <= 100000000 bytes, got ${length}`,
  );
});

Deno.test("readSafetensors() throws nothing but SyntaxError", () => {
  const original = writeSafetensors(SAMPLES, new Map([["step", "12"]]));
  const tokens = '{}[]",:\\0-9e.u'.split("").map((c) => c.charCodeAt(0));
  let refused = 0;
  for (let seed = 0; seed < 5000; seed++) {
    const rng = new Rng(seed);
    let bytes = original.slice();
    for (let edits = 1 + rng.integer(4); edits > 0; edits--) {
      // Most places lie in the header, where the structure is.
      const at = rng.integer(rng.uniform() < 0.9 ? 480 : bytes.length);
      const value = rng.uniform() < 0.5
        ? tokens[rng.integer(tokens.length)]!
        : rng.integer(256);
      const kept = rng.integer(4) === 0 ? at + rng.integer(3) : at + 1;
      bytes = new Uint8Array([
        ...bytes.subarray(0, at),
        value,
        ...bytes.subarray(kept),
      ]);
    }
    try {
      readSafetensors(bytes);
    } catch (error) {
      assert(error instanceof SyntaxError, `seed ${seed}: ${error}`);
      refused++;
    }
  }
  assert(refused > 2500 && refused < 5000, `${refused} of 5000 refused`);
});

Deno.test("writeSafetensors() refuses numbers that it would label wrongly", () => {
  for (const data of [new Float64Array(1), new Int32Array(1), [1]]) {
    const tensor = { shape: [1], data: data as unknown as Float32Array };
    assertThrows(
      () => writeSafetensors(new Map([["w", tensor]])),
      TypeError,
      "Cannot write tensor w: expected a Float32Array or Uint32Array, got ",
    );
  }
});
