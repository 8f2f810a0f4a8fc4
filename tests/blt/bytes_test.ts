import { assertEquals, assertThrows } from "@std/assert";
import { BOE, BOS, BPE, decode, encode, EOS } from "../../blt/bytes.ts";
import { forAll } from "../support/for_all.ts";

Deno.test("encode() gives bytes the ids of released weights", () => {
  assertEquals([...encode("Hello, BLT!", { eos: false })], [
    ...[1, 76, 105, 112, 112, 115, 48, 36, 70, 80, 88, 37],
  ]);
});

Deno.test("encode() surrounds by the specials that are asked for", () => {
  const bytes = Uint8Array.of(0, 255);
  assertEquals([...encode(bytes)], [BOS, 4, 259, EOS]);
  assertEquals([...encode(bytes, { bos: false })], [4, 259, EOS]);
  assertEquals([...encode(bytes, { eos: false })], [BOS, 4, 259]);
  assertEquals([...encode("")], [BOS, EOS]);
  assertEquals([...encode("", { bos: false, eos: false })], []);
});

Deno.test("decode() drops specials wherever they stand", () => {
  const ids = Uint32Array.of(BOS, 76, BPE, 109, BOE, EOS, BOS, 76, EOS);
  assertEquals(decode(ids), "HiH");
  assertEquals(decode(new Uint32Array(0)), "");
});

Deno.test("decode() gives any bytes back raw", () => {
  forAll(
    (rng) => Uint8Array.from({ length: 40 }, () => rng.integer(0, 256)),
    (bytes) => assertEquals(decode(encode(bytes), "raw"), bytes),
  );
});

Deno.test("decode() gives text back without normalisation", () => {
  for (const text of ["", "a\u0301 ö 🥪", "\ufeffmark", "kept \ufffd too"]) {
    assertEquals(decode(encode(text)), text);
    assertEquals(decode(encode(text), "ignore"), text);
  }
});

Deno.test("decode() replaces or ignores a code point that is cut in two", () => {
  const [head, tail] = [encode("🥪").subarray(0, 3), encode("🥪").subarray(3)];
  assertEquals(decode(head), "\ufffd");
  assertEquals(decode(tail), "\ufffd\ufffd");
  assertEquals(decode(head, "ignore") + decode(tail, "ignore"), "");
});

Deno.test("decode() ignores invalid bytes and keeps a U+FFFD beside them", () => {
  const bytes = [0x61, 0xff, 0xef, 0xbf, 0xef, 0xbf, 0xbd, 0xc0, 0x62, 0xef];
  const ids = encode(Uint8Array.from(bytes));
  assertEquals(decode(ids, "ignore"), "a\ufffdb");
});

Deno.test("decode() names an id outside the vocabulary", () => {
  assertThrows(
    () => decode(Uint32Array.of(4, 260)),
    RangeError,
    "Cannot decode ids: each must be below 260, got 260",
  );
});
