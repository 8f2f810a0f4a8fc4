/** Reads values of one type out of parsed JSON. */
export interface Field<T> {
  /** The value, or a `SyntaxError` that names its `path`. */
  readonly read: (value: unknown, path: string) => T;
  /** Whether an object may lack it. */
  readonly optional?: true;
}

/** A field that an object may lack. */
export interface OptionalField<T> extends Field<T> {
  /** It may. */
  readonly optional: true;
}

/** The fields of an object; the compiler lists those that are missing here. */
export type Fields<T> = {
  readonly [Name in keyof T]-?: Record<never, never> extends Pick<T, Name>
    ? OptionalField<NonNullable<T[Name]>>
    : Field<T[Name]>;
};

/** Most characters of a value that an error shows. */
const SHOWN = 60;

/** The error of a value that is not as it must be. */
export function mismatch(
  path: string,
  expected: string,
  value: unknown,
): SyntaxError {
  const found = value === undefined ? "nothing" : shown(value);
  return new SyntaxError(`${path} must be ${expected}, got ${found}`);
}

/** The beginning of a value as JSON. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** One of a few words. */
export function choice<const T extends string | number | boolean>(
  choices: readonly T[],
): Field<T> {
  const expected = choices.map((each) => JSON.stringify(each)).join(" or ");
  return {
    read: (value, path) => {
      const found = choices.find((each) => each === value);
      if (found === undefined) throw mismatch(path, expected, value);
      return found;
    },
  };
}

/** Any text of at most `most` characters. */
export function text(most: number): Field<string> {
  return {
    read: (value, path) => {
      if (typeof value === "string" && value.length <= most) return value;
      throw mismatch(path, `a text of at most ${most} characters`, value);
    },
  };
}

/** True or false. */
export const flag: Field<boolean> = {
  read: (value, path) => {
    if (typeof value === "boolean") return value;
    throw mismatch(path, "true or false", value);
  },
};

/** A whole number in a range. */
export function whole(least: number, most: number): Field<number> {
  return {
    read: (value, path) => {
      const fits = typeof value === "number" && Number.isSafeInteger(value) &&
        value >= least && value <= most;
      if (fits) return value;
      throw mismatch(path, `a whole number from ${least} to ${most}`, value);
    },
  };
}

/** A finite number in a range. */
export function number(
  least: number = -Number.MAX_VALUE,
  most: number = Number.MAX_VALUE,
): Field<number> {
  const range = most < Number.MAX_VALUE
    ? ` from ${least} to ${most}`
    : least > -Number.MAX_VALUE
    ? ` >= ${least}`
    : "";
  return {
    read: (value, path) => {
      const fits = typeof value === "number" && value >= least && value <= most;
      if (fits) return value;
      throw mismatch(path, `a number${range}`, value);
    },
  };
}

/** A list of at most `most` items. */
export function list<T>(item: Field<T>, most: number): Field<readonly T[]> {
  return {
    read: (value, path) => {
      if (!Array.isArray(value) || value.length > most) {
        throw mismatch(path, `a list of at most ${most}`, value);
      }
      return value.map((each, i) => item.read(each, `${path}[${i}]`));
    },
  };
}

/** Values of one type under any names. */
export function record<T>(item: Field<T>): Field<Readonly<Record<string, T>>> {
  return {
    read: (value, path) =>
      Object.fromEntries(
        entriesOf(value, path).map((
          [name, each],
        ) => [name, item.read(each, join(path, name))]),
      ),
  };
}

/** A field that an object may lack. */
export function optional<T>({ read }: Field<T>): OptionalField<T> {
  return { read, optional: true };
}

/** A field that stands for `value` where an object lacks it. */
export function standing<T>(value: T, { read }: Field<T>): Field<T> {
  return {
    read: (found, path) => found === undefined ? value : read(found, path),
  };
}

/** The same field, of which `check` throws a `RangeError` if it is not right. */
export function checked<T>(
  { read }: Field<T>,
  check: (value: T) => unknown,
): Field<T> {
  return {
    read: (found, path) => {
      const value = read(found, path);
      try {
        check(value);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const where = path === "" ? "" : `${path}: `;
        throw new SyntaxError(`${where}${error.message}`, { cause: error });
      }
      return value;
    },
  };
}

/** An object of these fields and no others. */
export function object<T extends object>(fields: Fields<T>): Field<T> {
  const known = new Map<string, Field<unknown>>(Object.entries(fields));
  return {
    read: (value, path) => {
      // In the order of the file, so that it is written as it was read.
      const entries = entriesOf(value, path).map(([name, each]) => {
        const field = known.get(name);
        if (field) return [name, field.read(each, join(path, name))];
        const names = [...known.keys()].join(", ");
        throw mismatch(path || "it", `an object of ${names} alone`, {
          [name]: each,
        });
      });
      const found = new Set(entries.map(([name]) => name));
      for (const [name, field] of known) {
        if (found.has(name) || field.optional) continue;
        entries.push([name, field.read(undefined, join(path, name))]);
      }
      // Each name of T was read: the compiler cannot follow names that are data.
      return Object.fromEntries(entries) as T;
    },
  };
}

/** An object whose `kind` tells what else it has. */
export function union<T extends { readonly kind: string }>(
  kinds: Readonly<Record<T["kind"], Field<T>>>,
): Field<T> {
  const known = new Map<unknown, Field<T>>(Object.entries(kinds));
  const kind = choice(Object.keys(kinds));
  return {
    read: (value, path) => {
      const found = new Map(entriesOf(value, path)).get("kind");
      return known.get(kind.read(found, join(path, "kind")))!.read(value, path);
    },
  };
}

function entriesOf(value: unknown, path: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw mismatch(path || "it", "an object", value);
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/**
 * Reads a file of JSON of at most `most` bytes. Throws a `SyntaxError` that
 * names the file.
 */
export function readJson<T>(
  file: string,
  bytes: Uint8Array,
  { field, most = 2 ** 20 }: {
    readonly field: Field<T>;
    readonly most?: number;
  },
): T {
  const fail = (found: string, cause?: unknown): never => {
    throw new SyntaxError(`Cannot open the run: ${file}${found}`, { cause });
  };
  if (bytes.length > most) {
    fail(` must have at most ${most} bytes, got ${bytes.length}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    fail(" is not whole JSON", cause);
  }
  try {
    return field.read(value, "");
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return fail(`: ${cause.message}`, cause);
  }
}
