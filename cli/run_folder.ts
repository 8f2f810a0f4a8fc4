import { COMMAND_FILE, RUN_FILES, type TrainValues } from "../blt/mod.ts";
import { LOCK_FILE, LockedStore, RunLock } from "./lock.ts";
import { why } from "./output.ts";
import { FolderStore, followed, isTemporary, lookAt } from "./store.ts";
import { UserError } from "./user_error.ts";

/** A folder that this process alone trains in. */
export class RunFolder implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** Its files. */
  readonly store: LockedStore;
  readonly #lock: RunLock;
  readonly #origin: "resumed" | "found" | "made";

  private constructor(
    path: string,
    lock: RunLock,
    origin: "resumed" | "found" | "made",
  ) {
    this.path = path;
    this.#lock = lock;
    this.#origin = origin;
    this.store = new LockedStore(new FolderStore(path), path, lock);
  }

  /** Takes the folder of a run that goes on. */
  static async resume(path: string): Promise<RunFolder> {
    return new RunFolder(path, await RunLock.take(path), "resumed");
  }

  /**
   * Takes a folder for a new run: `path`, which must be new or empty, or the
   * first runs/MODEL-PRESET-N that nobody has.
   */
  static async create(
    path: string | undefined,
    { model, preset }: TrainValues,
  ): Promise<RunFolder> {
    if (path !== undefined) {
      const origin = await makeFolder(path) ? "made" : "found";
      return await RunFolder.#takeEmpty(path, origin);
    }
    for (let n = 1;; n++) {
      const free = `runs/${model}-${preset}-${n}`;
      if (await makeFolder(free)) {
        return await RunFolder.#takeEmpty(free, "made");
      }
    }
  }

  static async #takeEmpty(
    path: string,
    origin: "found" | "made",
  ): Promise<RunFolder> {
    const folder = new RunFolder(path, await RunLock.take(path), origin);
    try {
      await requireEmpty(path);
      return folder;
    } catch (error) {
      await folder.#lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Unlocks the folder; leaves nothing where no run was begun. */
  async [Symbol.asyncDispose](): Promise<void> {
    const leaves = this.#origin === "resumed" ||
      !await this.#lock.holds() ||
      await exists(`${this.path}/${RUN_FILES.config}`);
    if (!leaves) {
      await Deno.remove(`${this.path}/${COMMAND_FILE}`).catch(() => {});
    }
    await this.#lock[Symbol.asyncDispose]();
    if (!leaves && this.#origin === "made") {
      // Fails, as it should, when there is something in it.
      await Deno.remove(this.path).catch(() => {});
    }
  }
}

/** Throws a `UserError` unless a run can be begun in a folder. */
export async function requireEmpty(path: string): Promise<void> {
  function refuse(got: string): never {
    throw new UserError(
      `Cannot train into ${path}: expected a new or empty folder, got ${got}`,
    );
  }
  const info = await followed(path);
  if (!info && await exists(path)) refuse("a link that leads nowhere");
  if (info && !info.isDirectory) refuse("a file");
  try {
    if (info) {
      for await (const { name } of Deno.readDir(path)) {
        // Left by a process that was killed before the run began.
        if (name === LOCK_FILE || isTemporary(name)) continue;
        const begun = name !== COMMAND_FILE ||
          await exists(`${path}/${RUN_FILES.config}`);
        if (begun) refuse(`one with ${name}; --resume goes on with a run`);
      }
    }
    // What is written last must not be the first to fail.
    const dir = await nearestFolder(path);
    await Deno.remove(await Deno.makeTempDir({ dir, prefix: ".club-" }));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot train into ${path}: ${why(error)}`);
  }
}

/** A folder that is there: the given one, or one that it will be in. */
async function nearestFolder(folder: string): Promise<string> {
  for (let path = folder;;) {
    if (await followed(path)) return path;
    const slash = path.replace(/\/+$/, "").lastIndexOf("/");
    if (slash <= 0) return slash < 0 ? "." : "/";
    path = path.slice(0, slash);
  }
}

/** False when there is one already. */
async function makeFolder(path: string): Promise<boolean> {
  const parent = path.replace(/[^/\\]+[/\\]*$/, "");
  if (parent !== "" && parent !== path) {
    try {
      await Deno.mkdir(parent, { recursive: true });
    } catch (error) {
      const cause = error instanceof Deno.errors.AlreadyExists
        ? `${parent} is no folder`
        : why(error);
      throw new UserError(`Cannot make the folder ${path}: ${cause}`);
    }
  }
  try {
    await Deno.mkdir(path); // one process alone succeeds
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw new UserError(`Cannot make the folder ${path}: ${why(error)}`);
  }
}

/** Whether something is there, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  return await lookAt(path) !== undefined;
}
