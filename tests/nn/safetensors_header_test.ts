import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseSafetensorsHeader } from "../../nn/safetensors_header.ts";
import { Rng } from "../../tensor/rng.ts";

const encoder = new TextEncoder();

function parse(json: string): ReturnType<typeof parseSafetensorsHeader> {
  return parseSafetensorsHeader(encoder.encode(json));
}

/** Milliseconds of the processor that `run` takes. */
function timeOf(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

const A = '"dtype":"U8","shape":[2],"data_offsets":[0,2]';

Deno.test("parseSafetensorsHeader() reads entries in the order of the file", () => {
  const { metadata, entries } = parse(
    ` {"__metadata__":{"a":"b","__proto__":""},"z":{${A}},\n"__proto__":` +
      `{"shape":[],"data_offsets":[2 , 2],"dtype":"X1"}\t,"":{${A}}}\r `,
  );
  assertEquals([...metadata], [["a", "b"], ["__proto__", ""]]);
  const u8 = { dtype: "U8", shape: [2], begin: 0, end: 2 };
  assertEquals(entries, [
    { name: "z", ...u8 },
    { name: "__proto__", dtype: "X1", shape: [], begin: 2, end: 2 },
    { name: "", ...u8 },
  ]);
});

Deno.test("parseSafetensorsHeader() minds no key that it does not know", () => {
  const deep = "[".repeat(100) + "]".repeat(100);
  const strange = `"x":{"a":[1,-2.5e+3,true,null,{"b":"\\n{"}]},"y":${deep}`;
  const { entries } = parse(`{"a":{${strange},${A},"z":0}}`);
  assertEquals(entries[0]!.shape, [2]);
});

Deno.test("parseSafetensorsHeader() minds what is nested too deeply", () => {
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
    const nested = (depth: number): string =>
      `{"a":{"x":${open.repeat(depth)}0${close.repeat(depth)},${A}}}`;
    assertEquals(parse(nested(127)).entries.length, 1);
    for (const depth of [128, 200, 1000, 100_000]) {
      assertThrows(
        () => parse(nested(depth)),
        SyntaxError,
        "Cannot read header: expected <= 127 levels of brackets, got more",
      );
    }
  }
});

Deno.test("parseSafetensorsHeader() refuses what JSON or the format does not have", () => {
  const json = "header: expected JSON in UTF-8, got ";
  const counts = "tensor a: expected a shape of integers >= 0";
  const offsets =
    "tensor a: expected two data_offsets >= 0, the second not less";
  const cases: [string, string][] = [
    ["", `${json}its end at character 0`],
    ["{}}", `${json}"}" at character 2`],
    ["{} x", `${json}"x" at character 3`],
    ['{"a"}', `${json}"}" at character 4`],
    ['{"a":{},}', "tensor a: expected a dtype such as "],
    [`{"a":{${A}},}`, `${json}"}" at character 53`],
    [`{"a":{${A},}}`, `${json}"}}" at character 52`],
    ["{a:1}", `${json}"a:1}" at character 1`],
    ["{'a':1}", json],
    ['{"a\n":1}', json],
    ['{"\\x":1}', json],
    ['{"a', `${json}its end`],
    ['{"a\\', `${json}its end`],
    ['{"\\ud800":1}', json],
    ['{"\\udc00\\ud800":1}', json],
    [`{"a":{${A},"x":01}}`, json],
    [`{"a":{${A},"x":.5}}`, json],
    [`{"a":{${A},"x":+1}}`, json],
    [`{"a":{${A},"x":NaN}}`, json],
    [`{"a":{${A},"x":tru}}`, json],
    [`{"a":{${A},"x":[1 2]}}`, json],
    [`{"a":{${A},"x":[1,]}}`, json],
    ['{"a":{"shape":[-1]}}', counts],
    ['{"a":{"shape":[1.5]}}', counts],
    ['{"a":{"shape":[9007199254740992]}}', counts],
    ['{"a":{"shape":[1e400]}}', counts],
    ['{"a":{"shape":["1"]}}', counts],
    ['{"a":{"shape":[,1]}}', counts],
    ['{"a":{"shape":[01]}}', `${json}"1]}}" at character 16`],
    ['{"a":{"shape":{"0":1}}}', counts],
    ['{"a":{"dtype":"X","shape":[]}}', offsets],
    [
      '{"a":{"dtype":"X","shape":[],"data_offsets":[2,1]}}',
      offsets,
    ],
    ['{"a":{"dtype":"X","shape":[],"data_offsets":[0,1,2]}}', offsets],
    ['{"a":{"dtype":"\u001b[31m"}}', json],
    ['{"a":{"dtype":"__proto__"}}', "tensor a: expected a dtype such as "],
    ['{"a":{"dtype":""}}', "tensor a: expected a dtype such as "],
    ['{"a":{"dtype":8}}', "got no text"],
    [`{"a":{${A}},"a":{${A}}}`, "expected distinct keys, got a twice"],
    [`{"a":{${A},${A}}}`, "expected distinct keys, got dtype twice"],
    [`{"a":{${A},"x":{"b":1,"\\u0062":1}}}`, "distinct keys, got b twice"],
    ['{"__metadata__":{"a":"","a":""}}', "distinct keys, got a twice"],
    [
      '{"__metadata__":{},"__metadata__":{}}',
      "distinct keys, got __metadata__ twice",
    ],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parse(text), SyntaxError, message);
  }
  const surrogate = Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d);
  assertThrows(() => parseSafetensorsHeader(surrogate), SyntaxError, json);
});

Deno.test("parseSafetensorsHeader() spends no time on a header of brackets", () => {
  const brackets = "[".repeat(50_000_000);
  for (const front of ["", '{"a":', '{"a":{"x":', '{"a":{"shape":']) {
    const bytes = encoder.encode(front + brackets);
    const ms = timeOf(() =>
      assertThrows(() => parseSafetensorsHeader(bytes), SyntaxError)
    );
    // To decode them takes several times as long.
    assert(ms < 100, `${ms} ms`);
  }
});

Deno.test("parseSafetensorsHeader() takes time in proportion to the tensors", () => {
  const headerOf = (count: number): Uint8Array =>
    encoder.encode(
      `{${Array.from({ length: count }, (_, i) => `"w${i}":{${A}}`)}}`,
    );
  const [small, large] = [2000, 32_000].map((count) => {
    const bytes = headerOf(count);
    let entries = 0;
    const times = Array.from({ length: 3 }, () =>
      timeOf(() => {
        entries = parseSafetensorsHeader(bytes).entries.length;
      }));
    assertEquals(entries, count);
    return Math.min(...times);
  });
  assert(large! < 16 * 8 * small!, `${small} ms, then ${large} ms`);
});

Deno.test("parseSafetensorsHeader() reads what JSON.parse() reads, or nothing", () => {
  const original = encoder.encode(
    `{"__metadata__":{"k":"v\\u00e9"},"w.0":{"dtype":"F32","shape":[1,2],` +
      `"data_offsets":[0,8]},"é":{"shape":[],"x":[{"y":1.5e-3},null],` +
      `"dtype":"I64","data_offsets":[8,16]}}`,
  );
  const tokens = encoder.encode('{}[]",:\\0123-e.u +aF');
  let accepted = 0;
  for (let seed = 0; seed < 4000; seed++) {
    const rng = new Rng(seed);
    const bytes = [...original];
    for (let edits = 1 + rng.integer(2); edits > 0; edits--) {
      const at = rng.integer(bytes.length);
      const token = rng.uniform() < 0.9
        ? tokens[rng.integer(tokens.length)]!
        : rng.integer(256);
      bytes.splice(at, rng.integer(2), ...rng.uniform() < 0.8 ? [token] : []);
    }
    const mutant = Uint8Array.from(bytes);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(mutant);
    let found;
    try {
      found = parseSafetensorsHeader(mutant);
    } catch (error) {
      assert(error instanceof SyntaxError, `seed ${seed}: ${error}`);
      if (!error.message.includes("expected JSON in UTF-8")) continue;
      // Then it is none: other bytes, or half a character.
      assertThrows(
        () => {
          new TextDecoder("utf-8", { fatal: true }).decode(mutant);
          if (/\\ud[89a-f]/i.test(text)) throw new SyntaxError(text);
          JSON.parse(text);
        },
        Error,
        "",
        `seed ${seed}: ${text}`,
      );
      continue;
    }
    accepted++;
    const { __metadata__: metadata = {}, ...tensors } = JSON.parse(text);
    assertEquals(Object.fromEntries(found.metadata), metadata);
    assertEquals(
      Object.fromEntries(
        found.entries.map((
          { name, dtype, shape, begin, end },
        ) => [name, { dtype, shape, offsets: [begin, end] }]),
      ),
      Object.fromEntries(
        Object.entries<Record<string, unknown>>(tensors).map((
          [name, { dtype, shape, data_offsets: offsets }],
        ) => [name, { dtype, shape, offsets }]),
      ),
    );
  }
  assert(accepted > 200 && accepted < 2000, `${accepted} of 4000 accepted`);
});
