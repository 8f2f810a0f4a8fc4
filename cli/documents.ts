import type { Document } from "../blt/mod.ts";
import { say, why } from "./output.ts";
import { holdsRun } from "./store.ts";
import { UserError } from "./user_error.ts";

/** Stands for standard input among paths. */
export const STANDARD_INPUT = "-";

/**
 * Texts at or below paths, in order of their names. Links are followed, and a
 * file that several names of one path lead to is read once. Hidden files and
 * the folders of runs are left out, as is what is no file: all but that a file
 * is read once is told.
 */
export async function readDocuments(
  paths: readonly string[],
): Promise<Document[]> {
  const documents: Document[] = [];
  for (const [i, path] of paths.entries()) {
    if (paths.indexOf(path) < i && path === STANDARD_INPUT) {
      throw new UserError(`Cannot read ${path} twice: its input is read once`);
    }
    const { files, notes } = await lookInto(path);
    let total = 0;
    for (const name of files) {
      const bytes = name === STANDARD_INPUT
        ? await reading(name, () => new Response(Deno.stdin.readable).bytes())
        : await reading(name, () => Deno.readFile(name));
      documents.push({ name, bytes });
      total += bytes.length;
    }
    if (total === 0) {
      const reasons = ["there is nothing in it", ...notes].join("; ");
      throw new UserError(`Cannot read ${path}: ${reasons}`);
    }
    for (const note of notes) say(`note: ${note}`, Deno.stderr);
  }
  return documents;
}

/** The bundled book, which is as far away as this module. */
export async function readBook(): Promise<Document> {
  const url = new URL("../data/moby_dick.txt", import.meta.url).href;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return { name: url, bytes: await response.bytes() };
  } catch (error) {
    throw new UserError(`Cannot read ${url}: ${why(error)}`);
  }
}

/** What there is to read at or below a path. */
interface Found {
  readonly files: string[];
  /** What is left out, and why. */
  readonly notes: string[];
}

async function lookInto(path: string): Promise<Found> {
  const found: Found = { files: [], notes: [] };
  if (path === STANDARD_INPUT) return { ...found, files: [path] };
  const info = await reading(path, () => Deno.stat(path));
  if (info.isFile) return { ...found, files: [path] };
  if (!info.isDirectory) {
    throw new UserError(
      `Cannot read ${path}: expected a file or folder, got ${
        kindOf(info)
      }; ${READS_INPUT}`,
    );
  }
  const seen = new Set<string>();
  let hidden = 0;

  /** `folder` is shown, and looked into where it really is, only once. */
  async function walk(folder: string): Promise<void> {
    if (!await isNew(folder)) return;
    const names: string[] = [];
    await reading(folder, async () => {
      for await (const { name } of Deno.readDir(folder)) names.push(name);
    });
    if (await holdsRun(folder, names)) {
      found.notes.push(`${folder} is left out: it is the folder of a run`);
      return;
    }
    for (const name of names.sort()) {
      if (name.startsWith(".")) hidden++;
      else await look(`${folder}/${name}`);
    }
  }

  async function look(name: string): Promise<void> {
    const info = await followed(name);
    if (info === undefined) {
      const target = await Deno.readLink(name).catch(() => undefined);
      found.notes.push(
        `${name} is left out: ${
          target === undefined
            ? "it has gone, or its name is not UTF-8"
            : `it is a link to ${target}, which is not there`
        }`,
      );
    } else if (info.isDirectory) await walk(name);
    else if (!info.isFile) {
      found.notes.push(`${name} is left out: it is ${kindOf(info)}`);
    } else if (await isNew(name)) found.files.push(name);
  }

  async function isNew(name: string): Promise<boolean> {
    const real = await reading(name, () => Deno.realPath(name));
    return seen.size < seen.add(real).size;
  }

  await walk(path);
  if (hidden > 0) {
    found.notes.push(
      `${path} is read without its hidden files and folders, of which there are ${hidden}`,
    );
  }
  return found;
}

/** What a name leads to; `undefined` where that is nowhere. */
async function followed(name: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(name);
  } catch (error) {
    const nowhere = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.FilesystemLoop;
    if (nowhere) return undefined;
    throw unreadable(name, error);
  }
}

const READS_INPUT =
  `--data ${STANDARD_INPUT} reads standard input, and so a pipe`;

function kindOf(info: Deno.FileInfo): string {
  if (info.isFifo) return "a named pipe";
  if (info.isSocket) return "a socket";
  return "a device";
}

/** Runs a read; an error names the file. */
async function reading<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, error: unknown): Error {
  return new UserError(
    error instanceof Deno.errors.NotCapable
      // Deno keeps /dev and /proc for programs that may do anything.
      ? `Cannot read ${name}: expected a file or folder of texts, got a part of the system, such as a pipe or device; ${READS_INPUT}`
      : `Cannot read ${name}: ${why(error)}`,
  );
}
