import type { WeightStorage } from "../nn/mod.ts";
import type { DeviceChoice } from "../tensor/mod.ts";
import type { Objective } from "./config.ts";
import { type Preset, PRESET_NAMES } from "./presets.ts";
import {
  choiceFlag,
  type Flag,
  flagName,
  integerFlag,
  numberFlag,
  parseFlags,
  pathFlag,
  switchFlag,
  textFlag,
  UsageError,
} from "./flags.ts";

/** What the flags of a command line say; absent what was not given. */
export interface FlagValues {
  /** Paths of files and folders to read. */
  readonly data?: readonly string[];
  /** The kind of model. */
  readonly model?: "blt" | "bytes" | "end-to-end" | "stacked";
  /** The size of the model. */
  readonly preset?: Preset;
  /** What decides where patches start. */
  readonly patcher?: "entropy" | "relative" | "space" | "static" | "byte";
  /** Mean patch wanted, in bytes. */
  readonly patchBytes?: number;
  /** What tells an end-to-end model where patches start. */
  readonly objective?: Objective["kind"];
  /** An end-to-end model's encoder gets no byte embeddings. */
  readonly noSkip?: true;
  /** Levels of a stacked model. */
  readonly levels?: number;
  /** What further levels group by. */
  readonly uncertainty?: "total" | "rate" | "seam" | "fixed";
  /** Mean units wanted in a group of a further level. */
  readonly unitsPerGroup?: number;
  /** How uncertainty starts a group. */
  readonly rule?: "above" | "rise";
  /** Steps to train. */
  readonly steps?: number;
  /** Rows in a batch. */
  readonly batch?: number;
  /** Ids in a row. */
  readonly context?: number;
  /** Highest learning rate. */
  readonly lr?: number;
  /** Highest learning rate of the entropy model. */
  readonly entropyLr?: number;
  /** Of the random numbers. */
  readonly seed?: number;
  /** The device to compute on. */
  readonly device?: DeviceChoice;
  /** As what products read weights. */
  readonly storage?: WeightStorage;
  /** New folder for the run. */
  readonly out?: string;
  /** Folder of the run to go on with. */
  readonly resume?: string;
  /** Steps between evaluations. */
  readonly evalEvery?: number;
  /** Steps between savings. */
  readonly saveEvery?: number;
  /** Folder of a run to use. */
  readonly run?: string;
  /** How the generated text begins. */
  readonly prompt?: string;
  /** Bytes to generate. */
  readonly bytes?: number;
  /** Divides the logits; 0 takes the largest. */
  readonly temperature?: number;
  /** Number of the likeliest bytes to choose among. */
  readonly topK?: number;
  /** Probability of the likeliest bytes to choose among. */
  readonly topP?: number;
  /** Text to cut into patches. */
  readonly text?: string;
  /** Print one JSON object. */
  readonly json?: true;
  /** Show how the command is used. */
  readonly help?: true;
}

/** FlagValues of which some are certain. */
export type FlagValuesWith<Name extends keyof FlagValues> =
  & FlagValues
  & Required<Pick<FlagValues, Name>>;

/** FlagValues with all that `train` cannot do without. */
export type TrainValues = FlagValuesWith<
  "model" | "preset" | "patcher" | "patchBytes" | "seed"
>;

const FLAGS: {
  readonly [Name in keyof FlagValues]-?: Flag<
    Name extends "data" ? string : NonNullable<FlagValues[Name]>
  >;
} = {
  data: pathFlag(
    "PATH",
    "file to read, folder of files, or - for standard input; may be repeated",
  ),
  model: choiceFlag(
    ["blt", "bytes", "end-to-end", "stacked"],
    "with patches, over single bytes, with patches of its own making, or with groups of patches",
  ),
  preset: choiceFlag(PRESET_NAMES, "size of the model"),
  patcher: choiceFlag(
    ["entropy", "relative", "space", "static", "byte"],
    "what decides where patches start",
  ),
  patchBytes: numberFlag(
    "R",
    "bytes per patch",
    (x) => x >= 1,
    "a number >= 1",
  ),
  objective: choiceFlag(
    ["previous", "next", "routing"],
    "end-to-end: by which bytes' entropy patches start, or by routing",
  ),
  noSkip: switchFlag("end-to-end: the encoder gets no byte embeddings"),
  levels: integerFlag("L", "stacked: levels in all, 1 to 3", 1),
  uncertainty: choiceFlag(
    ["total", "rate", "seam", "fixed"],
    "stacked: what further levels group by",
  ),
  unitsPerGroup: numberFlag(
    "U",
    "stacked: units per group",
    (x) => x >= 1,
    "a number >= 1",
  ),
  rule: choiceFlag(
    ["above", "rise"],
    "stacked: how uncertainty starts a group",
  ),
  steps: integerFlag("N", "steps to train", 1),
  batch: integerFlag("B", "rows in a batch", 1),
  context: integerFlag("T", "bytes in a row", 1),
  lr: numberFlag("X", "highest learning rate", (x) => x > 0, "a number > 0"),
  entropyLr: numberFlag(
    "X",
    "highest learning rate of the entropy model",
    (x) => x > 0,
    "a number > 0",
  ),
  seed: integerFlag("S", "same seed, same result", 0),
  device: choiceFlag(["auto", "webgpu", "cpu"], "where to compute"),
  storage: choiceFlag(
    ["f32", "f16"],
    "as what products read weights; f16 on a GPU that has it",
  ),
  out: pathFlag("DIR", "new folder for the run"),
  resume: pathFlag("DIR", "run to go on with"),
  evalEvery: integerFlag("N", "steps between evaluations", 1),
  saveEvery: integerFlag("N", "steps between savings", 1),
  run: pathFlag("DIR", "folder of a training run"),
  prompt: textFlag("TEXT", "how the text begins"),
  bytes: integerFlag("N", "bytes to write", 1),
  temperature: numberFlag(
    "X",
    "how daring; 0 takes the likeliest byte",
    (x) => x >= 0,
    "a number >= 0",
  ),
  topK: integerFlag("K", "choose among the K likeliest bytes", 1),
  topP: numberFlag(
    "P",
    "choose among the likeliest bytes with this share of probability",
    (x) => x > 0 && x <= 1,
    "a number > 0 and <= 1",
  ),
  text: textFlag("TEXT", "text to cut"),
  json: switchFlag("print one JSON object"),
  help: switchFlag("show this"),
};

/** The commands. */
export type CommandName = "train" | "generate" | "evaluate" | "patch";

interface Command {
  readonly does: string;
  /** A command has the flags that stand here, and --help. */
  readonly usage: string;
}

const COMMANDS: Readonly<Record<CommandName, Command>> = {
  train: {
    does: "Trains a model on texts and ends with a sample of its writing.",
    usage: "[--data PATH]... [--model M] [--preset P] [--patcher P] " +
      "[--patch-bytes R] [--objective O] [--no-skip] [--levels L] " +
      "[--uncertainty U] [--units-per-group U] [--rule R] [--steps N] [--batch B] [--context T] [--lr X] " +
      "[--entropy-lr X] [--seed S] [--device D] [--storage S] [--out DIR] [--resume DIR] " +
      "[--eval-every N] [--save-every N]",
  },
  generate: {
    does: "Writes a text.",
    usage: "--run DIR [--prompt TEXT] [--bytes N] [--temperature X] " +
      "[--top-k K] [--top-p P] [--seed S] [--device D] [--storage S]",
  },
  evaluate: {
    does: "Measures how well a model predicts texts, in bits per byte.",
    usage: "--run DIR --data PATH... [--device D] [--storage S] [--json]",
  },
  patch: {
    does: "Shows how a text is cut into patches.",
    usage: "(--run DIR | --patcher P [--patch-bytes R]) " +
      "(--text TEXT | --data PATH) [--device D] [--json]",
  },
};

/** What a command does unless told otherwise; a preset decides the rest. */
export const COMMAND_DEFAULTS: {
  /** A small model that is trained in minutes. */
  readonly train: TrainValues;
  /** A sample that is neither dull nor wild. */
  readonly generate: FlagValuesWith<"bytes" | "temperature" | "seed">;
  /** Everything is asked for. */
  readonly evaluate: FlagValues;
  /** As in training. */
  readonly patch: FlagValuesWith<"patchBytes">;
} = {
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
};

/** How the program as a whole is used. */
export const COMMANDS_HELP: string = [
  "usage: deno task COMMAND [FLAGS]",
  "",
  ...Object.entries(COMMANDS).map(([name, { does }]) =>
    `  ${name.padEnd(9)} ${does}`
  ),
  "",
  "deno task COMMAND --help shows the flags.",
].join("\n");

/** How a command is used, what it does and what its flags mean. */
export function helpOf(command: CommandName): string {
  const defaults: FlagValues = COMMAND_DEFAULTS[command];
  const flags = Object.entries(flagsOf(command)).map(([name, flag]) => {
    const written = [flagName(name), flag.value].filter(Boolean).join(" ");
    const value = defaults[name as keyof FlagValues];
    const rest = value === undefined ? "" : ` (default ${value})`;
    return `  ${written}\n      ${flag.help}${rest}`;
  });
  const { does } = COMMANDS[command];
  return [usageOf(command), "", does, "", ...flags].join("\n");
}

/** How a command is used, in one line. */
export function usageOf(name: CommandName): string {
  return `usage: deno task ${name} ${COMMANDS[name].usage}`;
}

/** Returns the name of a command, or throws a `UsageError`. */
export function parseCommand(name: string | undefined): CommandName {
  if (name !== undefined && Object.hasOwn(COMMANDS, name)) {
    return name as CommandName;
  }
  throw new UsageError(
    `Cannot run ${name ?? "a command"}: expected one of ${
      Object.keys(COMMANDS).join(", ")
    }, got ${name ?? "none"}`,
    COMMANDS_HELP,
  );
}

/**
 * FlagValues of the flags of a command. Throws a `UsageError` for flags that the
 * command does not have or that do not go together, for values out of range,
 * and for what is missing.
 */
export function parseValues(
  command: CommandName,
  args: readonly string[],
): FlagValues {
  const usage = usageOf(command);
  const lists = parseFlags(flagsOf(command), args, usage);
  // The compiler cannot follow names that are data.
  const values: FlagValues = Object.fromEntries(
    Object.entries(lists).map(([name, list]) => {
      if (name === "data") return [name, list];
      if (list.length === 1) return [name, list[0]];
      throw new UsageError(
        `Cannot use ${flagName(name)} twice: expected one value, got ${
          list.join(" and ")
        }`,
        usage,
      );
    }),
  );
  if (!values.help) requireAll(command, values);
  return values;
}

/** What may differ when a run is resumed: training says what comes too late. */
const CHANGEABLE: readonly (keyof FlagValues)[] = [
  "data", // the same texts at another place
  "lr",
  "entropyLr",
  "patchBytes",
];

/**
 * Settings of a run that is resumed: those it was started with, but for what
 * may change. Throws a `UsageError` when another value that is given now
 * contradicts them.
 */
export function resumedValues<T extends FlagValues>(
  started: T,
  given: FlagValues,
): T {
  const changed: [string, unknown][] = [];
  for (const [name, value] of Object.entries(given)) {
    // Another device may go on with a run.
    if (["resume", "out", "device"].includes(name)) continue;
    if (CHANGEABLE.includes(name as keyof FlagValues)) {
      changed.push([name, value]);
      continue;
    }
    const before = started[name as keyof FlagValues];
    if (String(value) === String(before)) continue;
    const flag = flagName(name);
    throw new UsageError(
      `Cannot resume with ${flag} ${value}: the run was started ${
        before === undefined ? `without ${flag}` : `with ${flag} ${before}`
      }`,
      usageOf("train"),
    );
  }
  return { ...started, ...Object.fromEntries(changed) };
}

/** The arguments that `parseValues` reads these values from. */
export function argumentsOf(values: FlagValues): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === true) return [flagName(name)];
    return [value].flat().map((each) => `${flagName(name)}=${each}`);
  });
}

function samePath(a: string | undefined, b: string): boolean {
  const plain = (path: string): string => path.replace(/^\.\/|\/+$/g, "");
  return a !== undefined && plain(a) === plain(b);
}

function flagsOf(command: CommandName): Record<string, Flag<unknown>> {
  const { usage } = COMMANDS[command];
  const named = new Set(usage.match(/--[a-z-]+/g)).add("--help");
  return Object.fromEntries(
    Object.entries(FLAGS).filter(([name]) => named.has(flagName(name))),
  );
}

function requireAll(command: CommandName, values: FlagValues): void {
  const usage = usageOf(command);
  function requireOne(...names: (keyof FlagValues)[]): void {
    const given = names.filter((name) => values[name] !== undefined);
    if (given.length === 1) return;
    throw new UsageError(
      `Cannot ${command}: expected ${names.map(flagName).join(" or ")}, got ${
        given.length === 0 ? "none" : "both"
      }`,
      usage,
    );
  }
  switch (command) {
    case "train":
      // The command that began a run may be repeated with --resume.
      if (values.out !== undefined && !samePath(values.resume, values.out)) {
        requireOne("resume", "out");
      }
      break;
    case "generate":
      requireOne("run");
      break;
    case "evaluate":
      requireOne("run");
      requireOne("data");
      break;
    case "patch":
      requireOne("run", "patcher");
      requireOne("text", "data");
  }
}
