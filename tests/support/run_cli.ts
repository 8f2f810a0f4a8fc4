import configuration from "../../deno.json" with { type: "json" };

/** Name of a task of `deno.json` that runs a command of `cli.ts`. */
export type CliTask = "train" | "generate" | "evaluate" | "patch";

/** What a command left behind. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a command in a process of its own, with the permissions of its task. */
export function startCli(
  [task, ...args]: readonly [CliTask, ...string[]],
  { stdin = "null" }: { readonly stdin?: "null" | "unreadable" } = {},
): Deno.ChildProcess {
  const [deno, ...line] = configuration.tasks[task].split(" ");
  if (deno !== "deno") throw new Error(`Cannot run ${task}: it is not Deno's`);
  const words = [Deno.execPath(), ...line, ...args];
  // As `nohup` does where standard input is a terminal.
  const [path, ...rest] = stdin === "null"
    ? words
    : ["sh", "-c", 'exec "$@" 0>/dev/null', "sh", ...words];
  return new Deno.Command(path!, {
    args: rest,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command to its end. */
export async function runCli(
  ...args: readonly [CliTask, ...string[]]
): Promise<CliResult> {
  const { code, stdout, stderr } = await startCli(args).output();
  const [out, error] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  return { code, stdout: out!, stderr: error! };
}
