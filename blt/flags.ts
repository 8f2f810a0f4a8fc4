/** A mistake on a command line. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name = "UsageError";
  /** How the command is used, in one line or more. */
  readonly usage: string;

  /** Joins what is wrong with how it would be right. */
  constructor(message: string, usage: string) {
    super(message);
    this.usage = usage;
  }
}

/** A flag: how it is written, explained and read. */
export interface Flag<T> {
  /** Stands for the value in the usage; absent for a switch. */
  readonly value?: string;
  /** What the flag is for, in a few words. */
  readonly help: string;
  /** What values are good, for errors. */
  readonly expected: string;
  /** The value of a text; `undefined` when it is not expected. */
  readonly read: (text: string) => T | undefined;
}

/** A flag for any text. */
export function textFlag(value: string, help: string): Flag<string> {
  return { value, help, expected: "a text", read: (text) => text };
}

/** A flag for a path, which is not empty. */
export function pathFlag(value: string, help: string): Flag<string> {
  const read = (text: string): string | undefined => text || undefined;
  return { value, help, expected: "a path", read };
}

/** A flag without a value. */
export function switchFlag(help: string): Flag<true> {
  return { help, expected: "no value", read: () => true };
}

/** A flag for one of a few words. */
export function choiceFlag<T extends string>(
  choices: readonly T[],
  help: string,
): Flag<T> {
  const value = choices.join("|");
  return {
    value,
    help,
    expected: value,
    read: (text) => choices.find((choice) => choice === text),
  };
}

/** A flag for a number in a range, which `expected` puts into words. */
export function numberFlag(
  value: string,
  help: string,
  fits: (value: number) => boolean,
  expected: string,
): Flag<number> {
  return {
    value,
    help,
    expected,
    read: (text) => {
      // Number("") is 0.
      const value = text.trim() === "" ? NaN : Number(text);
      return Number.isFinite(value) && fits(value) ? value : undefined;
    },
  };
}

/** A flag for an integer that is not below `least`. */
export function integerFlag(
  value: string,
  help: string,
  least: number,
): Flag<number> {
  const fits = (value: number): boolean =>
    Number.isSafeInteger(value) && value >= least;
  return numberFlag(value, help, fits, `an integer >= ${least}`);
}

/** How a flag is written: "patchBytes" is --patch-bytes. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Reads `--flag value`, `--flag=value` and switches. Returns all values of each
 * flag that was given. Throws a `UsageError` with `usage` for anything else.
 */
export function parseFlags(
  flags: Readonly<Record<string, Flag<unknown>>>,
  args: readonly string[],
  usage: string,
): Record<string, unknown[]> {
  const names = new Map(
    Object.keys(flags).map((name) => [flagName(name), name]),
  );
  const values: Record<string, unknown[]> = {};
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, written = arg, inline] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    const name = names.get(written);
    if (name === undefined) {
      throw new UsageError(
        `Cannot read ${written}: ${
          arg.startsWith("-")
            ? "there is no such flag"
            : "a flag begins with --"
        }`,
        usage,
      );
    }
    const flag = flags[name]!;
    const takesNext = inline === undefined && flag.value !== undefined;
    if (takesNext && (rest[0] === undefined || rest[0].startsWith("--"))) {
      throw new UsageError(
        `Cannot use ${written}: expected ${flag.expected}, got nothing; a value that begins with -- is written ${written}=VALUE`,
        usage,
      );
    }
    const text = takesNext ? rest.shift()! : inline;
    const fits = flag.value !== undefined || inline === undefined;
    const value = fits ? flag.read(text ?? "") : undefined;
    if (value === undefined) {
      throw new UsageError(
        `Cannot use ${written} ${text}: expected ${flag.expected}`,
        usage,
      );
    }
    (values[name] ??= []).push(value);
  }
  return values;
}
