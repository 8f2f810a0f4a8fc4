import type { RunStore } from "../blt/mod.ts";
import { why } from "./output.ts";
import { UserError } from "./user_error.ts";

/** File of a run folder that is locked while a process trains the run. */
export const LOCK_FILE = "lock";

/**
 * The right to change a run. The system gives it to one process at a time, and
 * takes it back when that ends, however it ends.
 */
export class RunLock implements AsyncDisposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Locks a folder. Rejects with a `UserError` while another process has it. */
  static async take(folder: string): Promise<RunLock> {
    const path = `${folder}/${LOCK_FILE}`;
    for (;;) {
      const file = await open(path);
      try {
        if (!await locked(file)) throw await inUse(folder);
        const lock = new RunLock(path, file);
        if (await lock.holds()) {
          await lock.#sign();
          return lock;
        }
        // Its last owner has removed the file in the meantime.
        file.close();
      } catch (error) {
        file.close();
        throw error;
      }
    }
  }

  /** Whether the folder still has the file that was locked. */
  async holds(): Promise<boolean> {
    try {
      const { dev, ino } = await Deno.stat(this.#path);
      const own = await this.#file.stat();
      return dev === own.dev && ino === own.ino;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Removes the file and unlocks the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (await this.holds()) await Deno.remove(this.#path);
    } catch {
      // The next process locks the file that is left.
    }
    this.#file.close();
  }

  /** Says who has the lock. */
  async #sign(): Promise<void> {
    const host = await hostname();
    const owner = `process ${Deno.pid}${host ? ` on ${host}` : ""}`;
    const text = `${owner} since ${new Date().toISOString()}\n`;
    await this.#file.truncate();
    await this.#file.write(new TextEncoder().encode(text));
  }
}

/** The files of a run whose folder is locked, and is that which was locked. */
export class LockedStore implements RunStore {
  readonly #store: RunStore;
  readonly #folder: string;
  readonly #lock: RunLock;

  constructor(store: RunStore, folder: string, lock: RunLock) {
    this.#store = store;
    this.#folder = folder;
    this.#lock = lock;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return await this.#store.read(name);
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#kept(name, () => this.#store.write(name, bytes));
  }

  async append(name: string, text: string): Promise<void> {
    await this.#kept(name, () => this.#store.append(name, text));
  }

  async #kept(name: string, save: () => Promise<void>): Promise<void> {
    await this.#requireFolder(name);
    try {
      await save();
    } catch (error) {
      await this.#requireFolder(name); // that it has gone says more
      throw error;
    }
  }

  /** Another folder of that name would lack what was written before. */
  async #requireFolder(name: string): Promise<void> {
    if (await this.#lock.holds()) return;
    throw new Error(
      `Cannot save ${this.#folder}/${name}: expected the folder that the run was begun in, got none; it was deleted, replaced or moved`,
    );
  }
}

async function open(path: string): Promise<Deno.FsFile> {
  try {
    // A stranger's folder may have a link here, to a file outside.
    const { isFile } = await Deno.lstat(path).catch(() => ({ isFile: true }));
    if (!isFile) throw new Error("it is no regular file");
    return await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw new UserError(`Cannot lock ${path}: ${why(error)}`);
  }
}

async function locked(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch {
    return true; // some network drives have no locks
  }
}

async function inUse(folder: string): Promise<UserError> {
  let owner = "";
  try {
    owner = (await Deno.readTextFile(`${folder}/${LOCK_FILE}`)).trim();
  } catch {
    // Windows lets nobody read what is locked.
  }
  // A stranger's file may hold anything.
  const known = /^process \d+( on [\w.-]+)? since [\d:.TZ-]+$/.test(owner);
  return new UserError(
    `Cannot train in ${folder}: it is in use by ${
      known ? owner : "another process"
    }; wait for it to end, or stop it`,
  );
}

async function hostname(): Promise<string | undefined> {
  const name = { name: "sys", kind: "hostname" } as const;
  const { state } = await Deno.permissions.query(name);
  return state === "granted" ? Deno.hostname() : undefined;
}
