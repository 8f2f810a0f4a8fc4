/**
 * The part of `@std/cli/parse-args` that our programs call, with the same
 * names, arguments and meaning, for machines that do not reach JSR. Without
 * `links` in `deno.json` the package itself is used.
 *
 * @module
 */

/** What the flags on a command line mean. */
export interface ParseOptions<
  Booleans extends string = string,
  Strings extends string = string,
  Collectable extends string = string,
  Default extends Record<string, unknown> = Record<string, unknown>,
  DoubleDash extends boolean = boolean,
> {
  /** Puts what follows `--` in the result's `--`, not in `_`. */
  readonly "--"?: DoubleDash;
  /** Other names of a flag; all of them appear in the result. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags without a value; false unless given. */
  readonly boolean?: Booleans | readonly Booleans[];
  /** Values of flags that were not given. */
  readonly default?: Default;
  /** Flags whose value stays text; "" when it is missing. */
  readonly string?: Strings | readonly Strings[];
  /** Flags that gather every value into an array, empty unless given. */
  readonly collect?: Collectable | readonly Collectable[];
  /** Flags that `--no-NAME` makes false. */
  readonly negatable?: string | readonly string[];
  /** Sees each argument that was not declared; false drops it. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The values of the flags, by name, and the other arguments in `_`. */
export type Args<
  Booleans extends string = never,
  Strings extends string = never,
  Collectable extends string = never,
  Default extends Record<string, unknown> = Record<never, unknown>,
  DoubleDash extends boolean = false,
> =
  & { [x: string]: unknown; _: (string | number)[] }
  & (DoubleDash extends true ? { "--": string[] } : unknown)
  & Values<Booleans, boolean, never, Collectable, Default>
  & Values<Strings, string, undefined, Collectable, Default>;

type Values<Names extends string, Value, Absent, Collectable, Default> = {
  [Name in Names]: Name extends Collectable ? Value[]
    : Name extends keyof Default ? Value | Default[Name]
    : Value | Absent;
};

/**
 * Reads `--flag`, `--key value`, `--key=value`, `-k value`, `-kvalue` and
 * bundles of one-letter flags `-abc`. Values that look like numbers become
 * numbers unless declared as strings.
 */
export function parseArgs<
  Booleans extends string = never,
  Strings extends string = never,
  Collectable extends string = never,
  Default extends Record<string, unknown> = Record<never, unknown>,
  DoubleDash extends boolean = false,
>(
  args: readonly string[],
  options: ParseOptions<
    Booleans,
    Strings,
    Collectable,
    Default,
    DoubleDash
  > = {},
): Args<Booleans, Strings, Collectable, Default, DoubleDash> {
  const aliases = aliasGroups(options.alias ?? {});
  const named = (names: string | readonly string[] = []): Set<string> =>
    new Set([names].flat().flatMap((name) => aliases.get(name) ?? [name]));
  const booleans = named(options.boolean);
  const strings = named(options.string);
  const collected = named(options.collect);
  const negatable = named(options.negatable);
  const result: Record<string, unknown> & { _: (string | number)[] } = {
    _: [],
  };

  function set(name: string, value: unknown): void {
    for (const key of aliases.get(name) ?? [name]) {
      if (!collected.has(key)) result[key] = value;
      else result[key] = [...(result[key] as unknown[] ?? []), value];
    }
  }

  function flag(arg: string, name: string, text: string | undefined): void {
    const value = booleans.has(name)
      ? text !== "false"
      : strings.has(name)
      ? text ?? ""
      : text === undefined
      ? true
      : numeric(text);
    const known = booleans.has(name) || strings.has(name) || aliases.has(name);
    if (known || options.unknown?.(arg, name, value) !== false) {
      set(name, value);
    }
  }

  const end = args.indexOf("--");
  const before = [...args.slice(0, end < 0 ? args.length : end)];
  const after = end < 0 ? [] : args.slice(end + 1);

  /** Takes the next argument if it can be the value of the flag `name`. */
  function nextValue(name: string): string | undefined {
    const next = before[0];
    const fits = booleans.has(name)
      ? next === "true" || next === "false"
      : next !== undefined && !next.startsWith("-");
    return fits ? before.shift() : undefined;
  }

  for (let arg = before.shift(); arg !== undefined; arg = before.shift()) {
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
    if (long) {
      const [, name = "", text] = long;
      const positive = name.replace(/^no-/, "");
      if (name !== positive && negatable.has(positive)) set(positive, false);
      else flag(arg, name, text ?? nextValue(name));
    } else if (/^-[^-]/.test(arg)) {
      shortFlags(arg);
    } else if (options.unknown?.(arg) !== false) {
      result._.push(strings.has("_") ? arg : numeric(arg));
    }
  }

  /** `-abc` is a, b and c; `-n5` and `-n=5` give n its value. */
  function shortFlags(arg: string): void {
    const letters = arg.slice(1);
    for (let i = 0; i < letters.length; i++) {
      const name = letters.charAt(i);
      const rest = letters.slice(i + 1);
      if (rest === "") return flag(arg, name, nextValue(name));
      const value = /^=(.*)|^(-?\d.*)/s.exec(rest);
      if (value || strings.has(name)) {
        return flag(arg, name, value?.[1] ?? value?.[2] ?? rest);
      }
      flag(arg, name, undefined);
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    for (const key of aliases.get(name) ?? [name]) {
      if (!Object.hasOwn(result, key)) result[key] = value;
    }
  }
  for (const name of collected) result[name] ??= [];
  for (const name of booleans) result[name] ??= false;

  if (options["--"]) result["--"] = after;
  else result._.push(...after);
  // The compiler cannot follow names that are data.
  return result as Args<Booleans, Strings, Collectable, Default, DoubleDash>;
}

/** Every name of a flag with other names, to all of its names. */
function aliasGroups(
  alias: Readonly<Record<string, string | readonly string[]>>,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, others] of Object.entries(alias)) {
    const group = [name, ...[others].flat()];
    for (const member of group) groups.set(member, group);
  }
  return groups;
}

function numeric(text: string): string | number {
  const looksNumeric = /^0x[0-9a-f]+$/i.test(text) ||
    /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text);
  return looksNumeric ? Number(text) : text;
}
