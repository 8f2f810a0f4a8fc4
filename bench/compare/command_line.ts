import {
  type Document,
  type Flag,
  flagName,
  parseFlags,
  UsageError,
} from "../../blt/mod.ts";
import {
  type Device,
  type DeviceChoice,
  openDevice,
} from "../../tensor/mod.ts";

/** The bundled book. */
const BOOK = new URL("../../data/moby_dick.txt", import.meta.url);

/** Flags by name. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** All values of the flags that were given. */
export type Values<F extends Flags> = {
  readonly [Name in keyof F]?: F[Name] extends Flag<infer T> ? readonly T[]
    : never;
};

/** Lines about flags. */
export function flagLines(flags: Flags): string {
  return Object.entries(flags).map(([name, { value, help }]) =>
    `  ${[flagName(name), value].filter(Boolean).join(" ")}\n      ${help}`
  ).join("\n");
}

/** Runs a command with the flags of the command line, or says what is wrong. */
export async function runCommand<F extends Flags>(
  flags: F,
  usage: string,
  run: (values: Values<F>) => Promise<void>,
): Promise<void> {
  try {
    // The compiler cannot follow names that are data.
    const values = parseFlags(flags, Deno.args, usage) as unknown as Values<F>;
    if ("help" in values) print(`${usage}\n`);
    else await run(values);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof RangeError)) {
      throw error;
    }
    print(`${error.message}\n`, Deno.stderr);
    Deno.exit(2);
  }
}

/** Reads files, or the bundled book when there are none. */
export async function readTexts(
  paths: readonly (string | URL)[] = [BOOK],
): Promise<Document[]> {
  return await Promise.all(paths.map(async (path) => ({
    name: `${path}`.split("/").at(-1)!,
    bytes: await Deno.readFile(path),
  })));
}

/** Opens a device; software adapters are told where they may keep files. */
export async function open(choice?: DeviceChoice): Promise<Device> {
  if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
  return await openDevice(choice);
}

/** Writes to an output, by default the standard one. */
export function print(
  text: string,
  output: Pick<typeof Deno.stdout, "writeSync"> = Deno.stdout,
): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}
