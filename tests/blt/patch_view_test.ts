import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import {
  colouredPatches,
  patchCells,
  plainPatches,
  printable,
  printableJson,
  PrintableStream,
  printableText,
  scoreLevel,
  unitObjects,
} from "../../blt/patch_view.ts";
import type { TextPatch, TextSpan, TextUnits } from "../../blt/segment.ts";
import { forAll } from "../support/for_all.ts";

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Spans of these lengths, one after the other. */
function spansOf(...lengths: number[]): TextSpan[] {
  let start = 0;
  return lengths.map((length) => {
    start += length;
    return { start: start - length, length };
  });
}

/** Patches of these lengths, without groups. */
function patchesOf(...lengths: number[]): TextUnits {
  return { patches: spansOf(...lengths), levels: [] };
}

/** "a club sandwich" in patches, groups of them and groups of those. */
const NESTED: TextUnits = {
  patches: spansOf(2, 4, 1, 3, 4, 1),
  levels: [spansOf(2, 5, 3, 5), spansOf(7, 8)],
};

function shown(text: string, ...lengths: number[]): string[] {
  return patchCells(bytesOf(text), patchesOf(...lengths))
    .map(({ text, patch }) => `${patch}${text}`);
}

Deno.test("patchCells() shows a character in the patch where it begins", () => {
  assertEquals(
    shown("né 字", 2, 3, 2),
    ["0n", "0é", "1◂", "1 ", "1字", "2◂", "2◂"],
  );
  assertEquals(shown("字", 1, 1, 1), ["0字", "1◂", "2◂"]);
  assertEquals(shown("🥪!", 5), ["0🥪", "0!"]);
  assertEquals(shown("\ufeffa", 4), ["0\ufeff", "0a"]);
});

Deno.test("patchCells() shows in hex what is not UTF-8", () => {
  for (
    const bytes of [
      [0xff],
      [0x80],
      [0xc0, 0xaf], // longer than need be
      [0xed, 0xa0, 0x80], // a surrogate
      [0xf5, 0x80, 0x80, 0x80], // beyond the last code point
      [0xe2, 0x82], // the end is missing
    ]
  ) {
    const cells = patchCells(Uint8Array.from(bytes), patchesOf(bytes.length));
    assertEquals(
      cells.map(({ text }) => text),
      bytes.map((byte) => `⟨${byte.toString(16)}⟩`),
    );
  }
});

Deno.test("patchCells() keeps marks with their character, or with a circle", () => {
  assertEquals(shown("नी", 6), ["0नी"]);
  assertEquals(shown("नी", 3, 3), ["0न", "1◌ी"]);
  assertEquals(shown("नी", 4, 2), ["0नी", "1◂", "1◂"]);
  assertEquals(shown("\u0301", 2), ["0◌\u0301"]);
  assertEquals(shown("\n\u0301", 3), ["0\n", "0◌\u0301"]);
});

Deno.test("patchCells() has the largest entropy of each character", () => {
  const patches = [{ start: 0, length: 4, entropies: [3, 1, 0.5, 2] }];
  const cells = patchCells(bytesOf("a字"), { patches, levels: [] });
  assertEquals(cells.map(({ entropy }) => entropy), [3, 2]);
});

Deno.test("printableText() and printableJson() let nothing command a terminal", () => {
  const calm = "é 鯨 🥪\n— |";
  assertEquals(printableText(calm), calm);
  assertEquals(printableText("\ud800"), "\ufffd");
  for (let code = 0; code < 0x2070; code++) {
    const character = String.fromCharCode(code);
    const commands = code < 0x20 && character !== "\n" ||
      code >= 0x7f && code < 0xa0 || code >= 0x2028 && code <= 0x202e ||
      code >= 0x2066 && code <= 0x2069;
    const text = printableText(character);
    assertEquals(text !== character, commands, code.toString(16));
    if (commands) assertEquals(text, printable(bytesOf(character)));
    const json = JSON.stringify(character);
    const shown = printableJson(json);
    assertEquals(JSON.parse(shown), character);
    assert(!commands || !shown.includes(character), code.toString(16));
  }
});

Deno.test("printable() lets nothing command a terminal", () => {
  assertEquals(
    printable(bytesOf("a\x1b[2J\r\u009b\u202eb\n")),
    "a⟨1b⟩[2J⟨0d⟩⟨c2⟩⟨9b⟩⟨e2⟩⟨80⟩⟨ae⟩b\n",
  );
});

Deno.test("PrintableStream shows characters as soon as they are whole", () => {
  const stream = new PrintableStream();
  const shown = [...bytesOf("a字\x1bb")].map((byte) => stream.push(byte));
  assertEquals(shown, ["a", "", "", "字", "⟨1b⟩", "b"]);
  assertEquals(stream.end(), "");
  assertEquals([0x80, 0xe2, 0x80].map((byte) => stream.push(byte)), [
    ...["⟨80⟩", "", ""],
  ]);
  assertEquals(stream.end(), "⟨e2⟩⟨80⟩");
});

Deno.test("PrintableStream shows text as it is", () => {
  const text = "नी e\u0301 人权 🥪\n";
  const stream = new PrintableStream();
  const shown = [...bytesOf(text)].map((byte) => stream.push(byte));
  assertEquals(shown.join("") + stream.end(), text);
  assertEquals(printable(bytesOf(text)), text);
});

Deno.test("unitObjects() replaces what is not UTF-8, and keeps entropies", () => {
  const patches: TextPatch[] = [{ start: 0, length: 2, entropies: [1, 2] }, {
    start: 2,
    length: 1,
  }];
  const levels = [spansOf(3)];
  assertEquals(unitObjects(bytesOf("né"), { patches, levels }), {
    patches: [
      { start: 0, length: 2, text: "n\ufffd", entropies: [1, 2] },
      { start: 2, length: 1, text: "\ufffd", entropies: [] },
    ],
    levels: [[{ start: 0, length: 3, text: "né" }]],
  });
});

Deno.test("scoreLevel() counts half nats, or tenths, up to 9", () => {
  const nats = [0, 0.49, 0.5, 4.4, 4.5, 100];
  assertEquals(
    nats.map((entropy) => scoreLevel({ entropy })),
    [0, 0, 1, 8, 9, 9],
  );
  const probabilities = [-1e-7, 0, 0.09, 0.55, 0.999, 1];
  assertEquals(
    probabilities.map((probability) => scoreLevel({ probability })),
    [0, 0, 0, 5, 9, 9],
  );
  assertEquals(scoreLevel({}), undefined);
});

Deno.test("plainPatches() has bars between patches", () => {
  const bytes = bytesOf("a club\nsandwich");
  assertEquals(
    plainPatches(bytes, patchesOf(2, 5, 8)),
    "a |club↵\n|sandwich",
  );
  assertEquals(
    plainPatches(bytesOf("字"), patchesOf(1, 2)),
    "字|◂◂\n◂ is a byte of a character that began in an earlier patch",
  );
});

Deno.test("plainPatches() has entropies below the characters", () => {
  const patches = [
    { start: 0, length: 4, entropies: [0, 2.5, 1, 1] },
    { start: 4, length: 2, entropies: [4, 9] },
  ];
  assertEquals(
    plainPatches(bytesOf("a字é"), { patches, levels: [] }),
    "a字|é\n05  9\n" +
      "digits: entropy in half nats, of a character the largest of its bytes, 9 for 4.5 nats and more",
  );
});

Deno.test("plainPatches() has probabilities below the characters", () => {
  const patches = [
    { start: 0, length: 4, probabilities: [1, 0.25, 0.1, 0.44] },
    { start: 4, length: 2, probabilities: [0.51, 0] },
  ];
  assertEquals(
    plainPatches(bytesOf("a字é"), { patches, levels: [] }),
    "a字|é\n94  5\n" +
      "digits: probability in tenths that a patch starts, of a character the largest of its bytes",
  );
  const { patches: [first] } = unitObjects(
    bytesOf("a字é"),
    { patches, levels: [] },
  );
  assertEquals(first, {
    start: 0,
    length: 4,
    text: "a字",
    entropies: [],
    probabilities: [1, 0.25, 0.1, 0.44],
  });
});

Deno.test("plainPatches() has more bars where groups begin", () => {
  assertEquals(
    plainPatches(bytesOf("a club sandwich"), NESTED),
    [
      "a ||club| |||san||dwic|h",
      "|| begins a group of patches",
      "||| begins a group of groups",
    ].join("\n"),
  );
  const patches = [
    { start: 0, length: 1, entropies: [1] },
    { start: 1, length: 2, entropies: [2, 0.5] },
  ];
  assertMatch(
    plainPatches(bytesOf("abc"), { patches, levels: [spansOf(1, 2)] }),
    /^a\|\|bc\n2 {2}41\n/,
  );
});

Deno.test("plainPatches() fills lines up to the width", () => {
  assertEquals(
    plainPatches(bytesOf("abcdef"), patchesOf(3, 3), 3),
    [
      ...["abc", "|de", "f"],
    ].join("\n"),
  );
  forAll((draw) => {
    const length = draw.integer(1, 100);
    return Uint8Array.from({ length }, () => draw.integer(0, 128));
  }, (bytes) => {
    const lines = plainPatches(bytes, patchesOf(bytes.length), 10).split("\n");
    for (const line of lines) assertLess([...line].length, 11);
  });
});

Deno.test("colouredPatches() alternates backgrounds and resets colours", () => {
  const [first, second] = colouredPatches(bytesOf("ab"), patchesOf(1, 1))
    // deno-lint-ignore no-control-regex
    .matchAll(/\x1b\[48;5;(\d+);38;5;(\d+)m(.)\x1b\[0m/g);
  assertEquals([first![3], second![3]], ["a", "b"]);
  assert(first![1] !== second![1] && first![2] === second![2]);
});

Deno.test("colouredPatches() colours by entropy, with a legend", () => {
  const patches = [{ start: 0, length: 2, entropies: [0, 5] }];
  const text = colouredPatches(bytesOf("ab"), { patches, levels: [] });
  // deno-lint-ignore no-control-regex
  const [calm, surprised] = text.matchAll(/38;5;(\d+)m[ab]\x1b/g);
  assert(calm![1] !== surprised![1]);
  assertMatch(text, /\n.*\b9\b.* entropy in half nats/);
});

Deno.test("colouredPatches() has bars where groups begin", () => {
  const text = colouredPatches(bytesOf("a club sandwich"), NESTED)
    // deno-lint-ignore no-control-regex
    .replaceAll(/\x1b\[[\d;]*m/g, "");
  assertEquals(text.split("\n")[0], "a ||club |||san||dwich");
});
