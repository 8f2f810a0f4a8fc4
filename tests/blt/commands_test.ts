import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  argumentsOf,
  COMMAND_DEFAULTS,
  type CommandName,
  COMMANDS_HELP,
  helpOf,
  parseCommand,
  parseValues,
  resumedValues,
  usageOf,
} from "../../blt/commands.ts";
import { UsageError } from "../../blt/flags.ts";

const NAMES: readonly CommandName[] = [
  "train",
  "generate",
  "evaluate",
  "patch",
];

Deno.test("parseCommand() knows the commands, and lists them otherwise", () => {
  for (const name of NAMES) assertEquals(parseCommand(name), name);
  for (const name of [undefined, "", "tran", "toString"]) {
    const error = assertThrows(() => parseCommand(name), UsageError, "train");
    assertEquals((error as UsageError).usage, COMMANDS_HELP);
  }
});

Deno.test("parseValues() has each flag of a command", () => {
  assertEquals(
    parseValues(
      "train",
      ("--data a --data b --model bytes --preset mini --patcher relative " +
        "--patch-bytes 4.5 --steps 1 --batch 2 --context 3 --lr 0.1 " +
        "--entropy-lr 0.2 --seed 0 " +
        "--device cpu --out o --eval-every 4 --save-every 5").split(" "),
    ),
    {
      data: ["a", "b"],
      model: "bytes",
      preset: "mini",
      patcher: "relative",
      patchBytes: 4.5,
      steps: 1,
      batch: 2,
      context: 3,
      lr: 0.1,
      entropyLr: 0.2,
      seed: 0,
      device: "cpu",
      out: "o",
      evalEvery: 4,
      saveEvery: 5,
    },
  );
  assertEquals(
    parseValues(
      "generate",
      ("--run r --prompt p --bytes 1 --temperature 0 --top-k 2 --top-p 1 " +
        "--seed 3 --device webgpu --storage f16").split(" "),
    ),
    {
      run: "r",
      prompt: "p",
      bytes: 1,
      temperature: 0,
      topK: 2,
      topP: 1,
      seed: 3,
      device: "webgpu",
      storage: "f16",
    },
  );
  assertEquals(
    parseValues("evaluate", "--run r --data a --json".split(" ")),
    { run: "r", data: ["a"], json: true },
  );
  assertEquals(
    parseValues("patch", "--patcher space --text t".split(" ")),
    { patcher: "space", text: "t" },
  );
});

Deno.test("parseValues() refuses what is missing, twice or contradictory", () => {
  for (
    const [command, args, message] of [
      ["generate", "", "expected --run, got none"],
      ["evaluate", "--run r", "expected --data, got none"],
      ["patch", "--text t", "expected --run or --patcher, got none"],
      ["patch", "--run r", "expected --text or --data, got none"],
      ["patch", "--run r --patcher space --text t", "got both"],
      ["patch", "--run r --text t --data d", "got both"],
      ["train", "--out a --resume b", "expected --resume or --out, got both"],
      [
        "train",
        "--steps 1 --steps 2",
        "--steps twice: expected one value, got 1 and 2",
      ],
      ["train", "--json", "there is no such flag"],
      ["patch", "--run r --patch 3 --text t", "there is no such flag"],
    ] as const
  ) {
    const given = args === "" ? [] : args.split(" ");
    const error = assertThrows(
      () => parseValues(command, given),
      UsageError,
      message,
    );
    assertEquals((error as UsageError).usage, usageOf(command));
  }
});

Deno.test("parseValues() asks for nothing more when help is wanted", () => {
  assertEquals(parseValues("generate", ["--help"]), { help: true });
});

Deno.test("helpOf() explains each flag of the usage, with its default", () => {
  for (const name of NAMES) {
    const help = helpOf(name);
    assert(help.startsWith(usageOf(name)));
    const flags = usageOf(name).match(/--[a-z-]+/g) ?? [];
    for (const flag of [...flags, "--help"]) {
      assertMatch(help, new RegExp(`^  ${flag}( \\S+)?\n      \\w`, "m"));
    }
    assertStringIncludes(COMMANDS_HELP, name);
  }
  assertStringIncludes(helpOf("train"), "size of the model (default nano)");
  assert(!helpOf("evaluate").includes("default"));
});

Deno.test("resumedValues() keeps what the run was started with", () => {
  const started = { ...COMMAND_DEFAULTS.train, lr: 0.01, data: ["a", "b"] };
  for (
    const given of [
      {},
      { resume: "r", device: "cpu" },
      { lr: 0.01, preset: "nano", data: ["a", "b"] },
      { resume: "r", out: "r" },
    ] as const
  ) {
    assertEquals(resumedValues(started, given), started);
  }
  for (
    const [given, message] of [
      [{ seed: 2 }, "with --seed 2: the run was started with --seed 1"],
      [
        { preset: "micro" },
        "--preset micro: the run was started with --preset nano",
      ],
      [{ noSkip: true }, "--no-skip true: the run was started without"],
      [{ steps: 7 }, "with --steps 7: the run was started without --steps"],
    ] as const
  ) {
    assertThrows(() => resumedValues(started, given), UsageError, message);
  }
});

Deno.test("resumedValues() takes what may change", () => {
  const started = { ...COMMAND_DEFAULTS.train, lr: 0.01, data: ["a", "b"] };
  const changed = { data: ["c"], lr: 0.001, entropyLr: 0.002, patchBytes: 2 };
  assertEquals(resumedValues(started, changed), { ...started, ...changed });
});

Deno.test("argumentsOf() writes what parseValues() reads", () => {
  const args = ("--data=a --data=b c --model=end-to-end --no-skip " +
    "--patch-bytes=4.5 --lr=1e-7 --out=--o").split(/ (?=--)/);
  const values = parseValues("train", args);
  assertEquals(argumentsOf(values), args);
});

Deno.test("parseValues() takes --out with --resume for the same folder", () => {
  for (const out of ["runs/a", "./runs/a", "runs/a/"]) {
    const values = parseValues("train", ["--resume", "runs/a", "--out", out]);
    assertEquals(values, { resume: "runs/a", out });
  }
});
