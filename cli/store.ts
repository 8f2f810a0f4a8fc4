import {
  COMMAND_FILE,
  RUN_FILES,
  type RunConfig,
  type RunStore,
} from "../blt/mod.ts";
import { why } from "./output.ts";
import { UserError } from "./user_error.ts";

/** File of a run folder for people. */
export const REPORT_FILE = "report.html";

/**
 * A run's files in a folder, which must be there. Links are followed where
 * files are read, and never where they are written: what a link in the folder
 * leads to belongs to somebody else.
 */
export class FolderStore implements RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const path = `${this.folder}/${name}`;
    try {
      // A pipe or device could be read for ever.
      if (!(await Deno.stat(path)).isFile) throw new Error("it is no file");
      return await Deno.readFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new UserError(`Cannot read ${path}: ${why(error)}`);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = `${this.folder}/${name}`;
    // Nobody can have put a link there, since nobody knows the name.
    const temporary = `${this.folder}/.${name}.${crypto.randomUUID()}.tmp`;
    try {
      {
        const options = { write: true, createNew: true };
        using file = await Deno.open(temporary, options);
        for (let at = 0; at < bytes.length;) {
          at += await file.write(bytes.subarray(at));
        }
        // Else a power cut could leave the new name with none of the content.
        await file.sync();
      }
      await Deno.rename(temporary, path); // replaces a link, not its target
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      const before = await lookAt(path).catch(() => undefined);
      throw new Error(
        `Cannot save ${path}: ${reason(error)}${
          before ? "; what was saved before is intact" : ""
        }`,
      );
    }
  }

  async append(name: string, text: string): Promise<void> {
    const path = `${this.folder}/${name}`;
    try {
      const before = await lookAt(path);
      if (before && !before.isFile) throw new Error("it is a link or no file");
      using file = await Deno.open(
        path,
        before ? { append: true } : { append: true, createNew: true },
      );
      const now = await file.stat();
      if (before && (now.ino !== before.ino || now.dev !== before.dev)) {
        throw new Error("it was replaced meanwhile");
      }
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) {
        at += await file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw new Error(`Cannot add to ${path}: ${reason(error)}`);
    }
  }
}

/** Why a file was not written. */
function reason(error: unknown): string {
  return error instanceof Deno.errors.NotFound
    ? "expected the folder that the run was begun in, got none; it was deleted or moved"
    : why(error);
}

export async function runFolder(folder = ""): Promise<FolderStore> {
  const info = await followed(folder);
  if (info?.isDirectory) return new FolderStore(folder);
  throw new UserError(
    `Cannot open the run ${folder}: ${
      info ? "expected a folder, got a file" : "there is no such folder"
    }`,
  );
}

/** Whether a file was left by a process that was killed while it saved. */
export function isTemporary(name: string): boolean {
  return /^\..+\.tmp$/.test(name);
}

/** Files that only runs have, beside `config.json`, which others have, too. */
const FILES_OF_RUNS: readonly string[] = [
  RUN_FILES.weights,
  RUN_FILES.entropyWeights,
  RUN_FILES.entropies,
  RUN_FILES.state,
  RUN_FILES.metrics,
  COMMAND_FILE,
  REPORT_FILE,
];

/** Whether a folder with these names in it is that of a run. */
export async function holdsRun(
  folder: string,
  names: readonly string[],
): Promise<boolean> {
  const own = names.filter((name) => FILES_OF_RUNS.includes(name));
  if (own.length >= 2) return true;
  if (!names.includes(RUN_FILES.config)) return false;
  try {
    const text = await Deno.readTextFile(`${folder}/${RUN_FILES.config}`);
    const config: Partial<RunConfig> | null = JSON.parse(text);
    return typeof config?.format === "number" && config.plan !== undefined;
  } catch {
    return false; // nor can it be trained from
  }
}

/** What is there itself, not what a link leads to. */
export async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  return await orNone(path, Deno.lstat);
}

/** What a path leads to. */
export async function followed(
  path: string,
): Promise<Deno.FileInfo | undefined> {
  return await orNone(path, Deno.stat);
}

async function orNone(
  path: string,
  look: typeof Deno.stat,
): Promise<Deno.FileInfo | undefined> {
  try {
    return await look(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UserError(`Cannot look at ${path}: ${why(error)}`);
  }
}
