import { assertEquals } from "@std/assert";
import { parseArgs, type ParseOptions } from "@std/cli/parse-args";

const CASES: [string, string, ParseOptions, Record<string, unknown>][] = [
  ["nothing", "", {}, { _: [] }],
  ["other arguments", "train 5 - 1e3 0x1f a1", {}, {
    _: ["train", 5, "-", 1000, 31, "a1"],
  }],
  ["other arguments as strings", "5", { string: "_" }, { _: ["5"] }],
  ["undeclared flags", "--a 1 --b=x --c --d", {}, {
    _: [],
    a: 1,
    b: "x",
    c: true,
    d: true,
  }],
  ["strings", "--a 1 --b= --c", { string: ["a", "b", "c", "d"] }, {
    _: [],
    a: "1",
    b: "",
    c: "",
  }],
  ["a value with an equal sign", "--a=b=c", {}, { _: [], a: "b=c" }],
  ["booleans", "--a x --b=false --c true", { boolean: ["a", "b", "c", "d"] }, {
    _: ["x"],
    a: true,
    b: false,
    c: true,
    d: false,
  }],
  ["no flag as a value", "--a --b 1", { string: "a" }, { _: [], a: "", b: 1 }],
  ["the last value of many", "--a 1 --a 2", {}, { _: [], a: 2 }],
  ["collected values", "--a 1 --a 2", { string: ["a"], collect: ["a", "b"] }, {
    _: [],
    a: ["1", "2"],
    b: [],
  }],
  ["defaults", "--a 1", { default: { a: 5, b: "x" }, boolean: "b" }, {
    _: [],
    a: 1,
    b: "x",
  }],
  ["negation", "--no-a --no-b", { boolean: ["a", "b"], negatable: "a" }, {
    _: [],
    a: false,
    b: false,
    "no-b": true,
  }],
  ["aliases", "-s 5", { alias: { steps: ["s", "n"] }, string: "steps" }, {
    _: [],
    steps: "5",
    s: "5",
    n: "5",
  }],
  ["a default under all names", "", {
    alias: { h: "help" },
    default: { help: 1 },
  }, { _: [], h: 1, help: 1 }],
  ["bundles", "-abc x -n5 -m=6 -k", {}, {
    _: [],
    a: true,
    b: true,
    c: "x",
    n: 5,
    m: 6,
    k: true,
  }],
  ["a glued string", "-ofile", { string: "o" }, { _: [], o: "file" }],
  ["a glued negative number", "-n-5", {}, { _: [], n: -5 }],
  ["what follows --, joined", "a -- --b 1", {}, { _: ["a", "--b", "1"] }],
  ["what follows --, apart", "a -- --b 1", { "--": true }, {
    _: ["a"],
    "--": ["--b", "1"],
  }],
];

for (const [name, line, options, expected] of CASES) {
  Deno.test(`parseArgs() reads ${name}`, () => {
    assertEquals<unknown>(
      parseArgs(line === "" ? [] : line.split(" "), options),
      expected,
    );
  });
}

Deno.test("parseArgs() tells of undeclared arguments and drops them", () => {
  const seen: unknown[] = [];
  const args = parseArgs(["run", "--stpes", "5", "--a", "x", "-h"], {
    string: ["a"],
    boolean: ["help"],
    alias: { help: "h" },
    unknown: (arg, key, value) => {
      seen.push([arg, key, value]);
      return key === undefined;
    },
  });
  assertEquals(seen, [["run", undefined, undefined], ["--stpes", "stpes", 5]]);
  assertEquals<unknown>(args, { _: ["run"], a: "x", help: true, h: true });
});

Deno.test("parseArgs() types flags by their declaration", () => {
  const args = parseArgs(["--text", "x", "--tag", "y", "--", "z"], {
    string: ["text", "size", "tag"],
    boolean: ["quiet"],
    collect: ["tag"],
    default: { size: "tiny" },
    "--": true,
  });
  const text: string | undefined = args.text;
  const size: string = args.size;
  const tags: string[] = args.tag;
  const quiet: boolean = args.quiet;
  const rest: string[] = args["--"];
  // @ts-expect-error: not given and without default is possible
  const never: string = args.text;
  assertEquals([text, size, tags, quiet, rest, never], [
    "x",
    "tiny",
    ["y"],
    false,
    ["z"],
    "x",
  ]);
});
