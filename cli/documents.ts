import type { Document } from "../blt/mod.ts";
import { why } from "./output.ts";
import { UserError } from "./user_error.ts";

export async function readDocuments(
  paths: readonly string[],
): Promise<Document[]> {
  const documents: Document[] = [];
  for (const path of paths) {
    let total = 0;
    try {
      for await (const name of filesOf(path)) {
        const bytes = await Deno.readFile(name);
        documents.push({ name, bytes });
        total += bytes.length;
      }
    } catch (error) {
      throw new UserError(`Cannot read ${path}: ${why(error)}`);
    }
    if (total === 0) {
      throw new UserError(`Cannot read ${path}: there is nothing in it`);
    }
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

/** Regular files at or below a path, in order of their names. */
async function* filesOf(path: string): AsyncGenerator<string> {
  if ((await Deno.stat(path)).isFile) yield path;
  else {
    const entries = await Array.fromAsync(Deno.readDir(path));
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, isFile, isDirectory } of entries) {
      if (isFile) yield `${path}/${name}`;
      if (isDirectory) yield* filesOf(`${path}/${name}`);
    }
  }
}
