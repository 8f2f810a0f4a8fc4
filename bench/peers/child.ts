import { JsonLines } from "./json_lines.ts";
import type { Work } from "./work.ts";

/** What a candidate can be asked for. */
export type Request =
  | { readonly do: "open"; readonly name: string }
  | { readonly do: "prepare"; readonly work: Work }
  | { readonly do: "run"; readonly times: number }
  | { readonly do: "check" };

type Value = string | number | null;

/**
 * One candidate in a process of its own. It is stopped until it is asked, since
 * the threads of some libraries go on spinning when their work is done.
 */
export class Child implements Disposable {
  /** Library, backend and threads. */
  readonly name: string;
  readonly #process: Deno.ChildProcess;
  readonly #lines: JsonLines;

  /** Starts the process. */
  constructor(name: string) {
    this.name = name;
    const path = (file: string): string =>
      new URL(file, import.meta.url).pathname;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "--config", path("peers.json")],
        ...["--v8-flags=--max-old-space-size=6000", path("candidate.ts")],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#lines = new JsonLines(this.#process.stdout, this.#process.stdin);
  }

  /** Rejects with what went wrong over there. */
  async ask(request: Request): Promise<Value> {
    this.#process.kill("SIGCONT");
    await this.#lines.send(request);
    const reply = await this.#lines.receive() as {
      readonly value: Value;
      readonly error?: string;
    };
    this.#process.kill("SIGSTOP");
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.value;
  }

  /** Most memory that it had with its own children, in MB; NaN off Linux. */
  async peakMegabytes(): Promise<number> {
    const { pid } = this.#process;
    const children = await read(`/proc/${pid}/task/${pid}/children`);
    let kilobytes = 0;
    for (const id of [pid, ...children.split(" ").filter(Boolean)]) {
      const status = await read(`/proc/${id}/status`);
      kilobytes += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN);
    }
    return kilobytes / 1024;
  }

  /** Ends the process. */
  [Symbol.dispose](): void {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
  }
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(path).catch(() => "");
}
