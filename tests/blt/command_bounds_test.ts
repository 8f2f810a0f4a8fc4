import { assertEquals, assertThrows } from "@std/assert";
import {
  COMMAND_DEFAULTS,
  type CommandName,
  COMMANDS_HELP,
  parseValues,
} from "../../blt/commands.ts";
import { UsageError } from "../../blt/flags.ts";

/** What else a command needs. */
const NEEDED: Readonly<Record<CommandName, readonly string[]>> = {
  train: [],
  generate: ["--run", "r"],
  evaluate: ["--run", "r", "--data", "d"],
  patch: ["--patcher", "static", "--text", "t"],
};

/** Of each flag with a range: the ends that fit, and what is just outside. */
const RANGES: readonly [CommandName, string, number[], number[]][] = [
  ["train", "--patch-bytes", [1, 4.5], [0.99, 0, -1]],
  ["train", "--levels", [1], [0, 1.5]],
  ["train", "--units-per-group", [1, 2.5], [0.99, 0]],
  ["train", "--steps", [1], [0, 1.5]],
  ["train", "--batch", [1], [0, 1.5]],
  ["train", "--context", [1], [0, 1.5]],
  ["train", "--lr", [1e-9, 7], [0, -1]],
  ["train", "--seed", [0], [-1, 0.5]],
  ["train", "--eval-every", [1], [0, 1.5]],
  ["train", "--save-every", [1], [0, 1.5]],
  ["generate", "--bytes", [1], [0, 1.5]],
  ["generate", "--temperature", [0, 2.5], [-0.01]],
  ["generate", "--top-k", [1], [0, 1.5]],
  ["generate", "--top-p", [1e-9, 1], [0, 1.01]],
  ["generate", "--seed", [0], [-1]],
  ["patch", "--patch-bytes", [1], [0.99]],
];

for (const [command, flag, inside, outside] of RANGES) {
  Deno.test(`parseValues() keeps ${flag} of ${command} in its range`, () => {
    const needed = NEEDED[command];
    const name = flag.slice(2)
      .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    for (const value of inside) {
      const values = parseValues(command, [...needed, `${flag}=${value}`]);
      assertEquals((values as Record<string, unknown>)[name], value);
    }
    for (const value of outside) {
      assertThrows(
        () => parseValues(command, [...needed, `${flag}=${value}`]),
        UsageError,
        `Cannot use ${flag} ${value}: expected `,
      );
    }
  });
}

Deno.test("COMMAND_DEFAULTS are those of the README", () => {
  assertEquals(COMMAND_DEFAULTS, {
    train: {
      model: "blt",
      preset: "nano",
      patcher: "entropy",
      patchBytes: 4,
      seed: 1,
    },
    generate: { bytes: 256, temperature: 0.8, seed: 1 },
    evaluate: {},
    patch: { patchBytes: 4 },
  });
});

Deno.test("COMMANDS_HELP lists the commands in columns", () => {
  assertEquals(
    COMMANDS_HELP,
    `usage: deno task COMMAND [FLAGS]

  train     Trains a model on texts and ends with a sample of its writing.
  generate  Writes a text.
  evaluate  Measures how well a model predicts texts, in bits per byte.
  patch     Shows how a text is cut into patches.

deno task COMMAND --help shows the flags.`,
  );
});
