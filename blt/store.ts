/** Where a training run keeps its files: a folder, or memory. */
export interface RunStore {
  /** Content of a file, or `undefined` when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Creates or replaces a file, wholly or, when it rejects, not at all. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds text, as UTF-8, to the end of a file, which is created if need be. */
  append(name: string, text: string): Promise<void>;
}

/** A `RunStore` that forgets its files with the program. */
export class MemoryStore implements RunStore {
  /** Content of each file by name. */
  readonly files: Map<string, Uint8Array> = new Map();

  /** Copy of a file, or `undefined` when there is none. */
  read(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(name)?.slice());
  }

  /** Keeps a copy of `bytes`. */
  write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes.slice());
    return Promise.resolve();
  }

  /** Adds text, as UTF-8, to the end of a file, which is created if need be. */
  append(name: string, text: string): Promise<void> {
    const before = this.files.get(name) ?? new Uint8Array(0);
    const added = new TextEncoder().encode(text);
    const bytes = new Uint8Array(before.length + added.length);
    bytes.set(before);
    bytes.set(added, before.length);
    this.files.set(name, bytes);
    return Promise.resolve();
  }
}
