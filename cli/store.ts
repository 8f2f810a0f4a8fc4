import type { RunStore } from "../blt/mod.ts";
import { why } from "./output.ts";
import { UserError } from "./user_error.ts";

/** A run's files in a folder. */
export class FolderStore implements RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await Deno.readFile(`${this.folder}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new UserError(`Cannot read ${this.folder}/${name}: ${why(error)}`);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = `${this.folder}/${name}`;
    const temporary = `${path}.tmp`;
    try {
      await Deno.writeFile(temporary, bytes);
      using file = await Deno.open(temporary, { write: true });
      // Else a power cut could leave the new name with none of the content.
      await file.sync();
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      const kept = await exists(path).catch(() => false);
      throw new Error(
        `Cannot save ${path}: ${why(error)}${
          kept ? "; what was saved before is intact" : ""
        }`,
      );
    }
  }

  async append(name: string, text: string): Promise<void> {
    const path = `${this.folder}/${name}`;
    try {
      await Deno.writeTextFile(path, text, { append: true });
    } catch (error) {
      throw new Error(`Cannot add to ${path}: ${why(error)}`);
    }
  }
}

export async function runFolder(folder = ""): Promise<FolderStore> {
  if (await exists(folder)) return new FolderStore(folder);
  throw new UserError(`Cannot open the run ${folder}: there is no such folder`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new UserError(`Cannot look at ${path}: ${why(error)}`);
  }
}
