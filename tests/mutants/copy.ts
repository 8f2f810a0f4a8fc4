import { type Fault, plant } from "./faults.ts";

/** A backend of WebGPU that this system lacks, which leaves no adapter. */
const ELSEWHERE = Deno.build.os === "darwin" ? "dx12" : "metal";

/** How Deno ended. */
export interface Outcome {
  /** Exit status; absent when it took too long. */
  readonly code?: number;
  /** What it wrote. */
  readonly output: string;
}

/** Options of {@linkcode Copy.deno}. */
export interface DenoOptions {
  /** Most milliseconds. */
  readonly limit: number;
  /** Whether there is WebGPU; default true. */
  readonly gpu?: boolean;
}

/** A copy of the checkout, in which one fault at a time is planted. */
export class Copy implements AsyncDisposable {
  /** Text of each TypeScript file, by its path from the root. */
  readonly texts: ReadonlyMap<string, string>;
  readonly #folder: string;

  private constructor(folder: string, texts: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.texts = texts;
  }

  /** Copies what git knows, and what it does not ignore. root: ends in "/" */
  static async of(root: string): Promise<Copy> {
    const { stdout } = await new Deno.Command("git", {
      args: ["ls-files", "-co", "--exclude-standard"],
      cwd: root,
    }).output();
    const folder = `${await Deno.makeTempDir({ prefix: "mutants_" })}/`;
    const texts = new Map<string, string>();
    for (const path of new TextDecoder().decode(stdout).trim().split("\n")) {
      const to = folder + path;
      await Deno.mkdir(to.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(root + path, to);
      if (path.endsWith(".ts")) texts.set(path, await Deno.readTextFile(to));
    }
    return new Copy(folder, texts);
  }

  /** Runs `use` while a fault is planted, and takes it back. */
  async with<T>(fault: Fault, use: () => Promise<T>): Promise<T> {
    const text = this.texts.get(fault.path)!;
    const file = this.#folder + fault.path;
    await Deno.writeTextFile(file, plant(text, fault));
    try {
      return await use();
    } finally {
      await Deno.writeTextFile(file, text);
    }
  }

  /** Tests everything as it is; gives the report as JUnit writes it. */
  async report(): Promise<string> {
    const file = "unplanted.tmp";
    const { code } = await this.deno(
      ["test", "-A", "--no-check", `--junit-path=${file}`, "tests"],
      { limit: 2 ** 31 - 1 },
    );
    if (code !== 0) throw new Error("Cannot plant faults: tests fail without");
    return await Deno.readTextFile(this.#folder + file);
  }

  /** Runs Deno here. */
  async deno(
    args: readonly string[],
    { limit, gpu = true }: DenoOptions,
  ): Promise<Outcome> {
    const process = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.#folder,
      env: {
        NO_COLOR: "1",
        XDG_RUNTIME_DIR: this.#folder,
        ...!gpu && { DENO_WEBGPU_BACKEND: ELSEWHERE, CLUB_REQUIRE_WEBGPU: "0" },
      },
      stdout: "piped",
      stderr: "null",
      detached: true, // with what it starts, a group that can be ended
    }).spawn();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      Deno.kill(-process.pid, "SIGKILL");
    }, limit);
    const { code, stdout } = await process.output();
    clearTimeout(timer);
    const output = new TextDecoder().decode(stdout);
    return late ? { output } : { code, output };
  }

  /** Deletes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
