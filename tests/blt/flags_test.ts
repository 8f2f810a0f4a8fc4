import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  choiceFlag,
  flagName,
  integerFlag,
  numberFlag,
  parseFlags,
  pathFlag,
  switchFlag,
  textFlag,
  UsageError,
} from "../../blt/flags.ts";

const FLAGS = {
  size: choiceFlag(["small", "large"], "how large"),
  steps: integerFlag("N", "how many", 1),
  topP: numberFlag("P", "share", (x) => x > 0 && x <= 1, "a number in (0, 1]"),
  out: pathFlag("DIR", "where"),
  text: textFlag("TEXT", "what"),
  json: switchFlag("as JSON"),
};

function parse(...args: string[]): Record<string, unknown[]> {
  return parseFlags(FLAGS, args, "usage: program");
}

Deno.test("parseFlags() reads values, texts and switches", () => {
  assertEquals(parse(), {});
  assertEquals(
    parse("--steps", "3", "--size=large", "--json", "--top-p", "1e-1"),
    { steps: [3], size: ["large"], json: [true], topP: [0.1] },
  );
  assertEquals(parse("--text", "-1", "--text=--a=b\n", "--text", ""), {
    text: ["-1", "--a=b\n", ""],
  });
});

Deno.test("parseFlags() names what is wrong, with the usage", () => {
  for (
    const [args, message] of [
      [["--nope"], "Cannot read --nope: there is no such flag"],
      [["--nope=1"], "Cannot read --nope: there is no such flag"],
      [["-n"], "Cannot read -n: there is no such flag"],
      [["--topP", "1"], "Cannot read --topP: there is no such flag"],
      [["more"], "Cannot read more: a flag begins with --"],
      [
        ["--steps"],
        "Cannot use --steps: expected an integer >= 1, got nothing",
      ],
      [["--steps", "--json"], "got nothing"],
      [["--steps", "0"], "Cannot use --steps 0: expected an integer >= 1"],
      [["--steps", "-1"], "Cannot use --steps -1: expected an integer >= 1"],
      [["--steps", "1.5"], "Cannot use --steps 1.5: expected an integer >= 1"],
      [["--steps", "2x"], "Cannot use --steps 2x: expected an integer >= 1"],
      [["--steps="], "expected an integer >= 1"],
      [["--steps", "1e99"], "expected an integer >= 1"],
      [["--top-p", "NaN"], "expected a number in (0, 1]"],
      [["--top-p", "Infinity"], "expected a number in (0, 1]"],
      [["--size", "medium"], "Cannot use --size medium: expected small|large"],
      [["--out="], "expected a path"],
      [["--json=yes"], "Cannot use --json yes: expected no value"],
    ] as const
  ) {
    const error = assertThrows(() => parse(...args), UsageError, message);
    assertInstanceOf(error, UsageError);
    assertEquals(error.usage, "usage: program");
  }
});

Deno.test("flagName() writes words with dashes", () => {
  assertEquals(["lr", "patchBytes", "topK"].map(flagName), [
    ...["--lr", "--patch-bytes", "--top-k"],
  ]);
});
