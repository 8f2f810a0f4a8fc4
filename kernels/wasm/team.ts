import { assemble, type SimdKernel } from "./form.ts";
import {
  IDLE_MS,
  MAX_ARGUMENTS,
  serve,
  SLOT,
  SPINS,
  type Start,
  takeItems,
} from "./worker.ts";

/** What a team needs beside the memory. */
export interface TeamOptions {
  /** Threads that share the work, the calling one included. */
  readonly threads: number;
  /** Reserves bytes of the memory for good; gives an address, 64-aligned. */
  readonly allocate: (bytes: number) => number;
}

/** The export of an assembled kernel. */
type Run = (begin: number, end: number, ...rest: number[]) => void;

interface Code {
  /** Number of the kernel among those of the team. */
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly run: Run;
  /** Address of a copy of `bytes` for the workers, once there is one. */
  shared?: number;
}

/**
 * Threads that run kernels together on one memory: the calling thread and
 * workers that take items from a shared counter. The caller never depends on
 * them: what they do not take, it does itself. Workers start at the first
 * launch large enough, and end when idle.
 *
 * A memory that is not shared, or a place without workers, means one thread.
 */
export class Team implements Disposable {
  readonly #memory: WebAssembly.Memory;
  readonly #allocate: (bytes: number) => number;
  readonly #codes = new Map<string, Code>();
  readonly #workers: Worker[] = [];
  readonly #slots: Int32Array = new Int32Array(0);
  readonly #maySleep: boolean = false;
  #threads = 1;
  #source: string | undefined;
  #scratchAt = 0;
  #scratchBytes = 0;

  /** Prepares `threads` threads; none is started yet. */
  constructor(
    memory: WebAssembly.Memory,
    { threads, allocate }: TeamOptions,
  ) {
    this.#memory = memory;
    this.#allocate = allocate;
    if (threads < 2 || !isShared(memory) || !("Worker" in globalThis)) return;
    this.#threads = threads;
    const words = SLOT.alive + threads;
    this.#slots = new Int32Array(memory.buffer, allocate(4 * words), words);
    this.#slots.fill(0);
    this.#maySleep = maySleep(this.#slots);
  }

  /**
   * Runs all items of a kernel; `pointers` are the addresses of its buffers in
   * order. Throws what the kernel throws, on whatever thread, and a `TypeError`
   * when the kernel has no SIMD form.
   */
  run(
    kernel: SimdKernel,
    pointers: readonly number[],
    sizes: Readonly<Record<string, number>>,
  ): void {
    const code = this.#codeOf(kernel);
    const items = kernel.simd!.items(sizes);
    if (items === 0) return;
    this.#reserve(kernel.simd!.scratch?.(sizes) ?? 0);
    const rest = [...pointers, ...kernel.sizes.map((size) => sizes[size]!)];
    const grain = Math.max(1, kernel.simd!.grain?.(sizes) ?? 1);
    const run = (begin: number, end: number): void =>
      code.run(begin, end, ...rest, this.#scratchAt);
    if (this.#threads === 1 || items < 2 * grain) {
      run(0, items);
      return;
    }
    this.#hire();
    this.#describe(code, { items, grain, rest });
    try {
      takeItems(this.#slots, SLOT, run);
    } finally {
      this.#join();
    }
    this.#rethrow(kernel.name);
  }

  /** Ends the workers; later launches run on the calling thread. */
  close(): void {
    if (this.#threads === 1) return;
    this.#threads = 1;
    this.#slots[SLOT.stop] = 1;
    this.#wake();
    for (const worker of this.#workers) worker.terminate();
    if (this.#source) URL.revokeObjectURL(this.#source);
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #codeOf(kernel: SimdKernel): Code {
    const known = this.#codes.get(kernel.name);
    if (known) return known;
    const bytes = assemble(kernel, { shared: isShared(this.#memory) });
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(bytes),
      { env: { memory: this.#memory } },
    );
    const run = exports["run"] as Run;
    const code: Code = { id: this.#codes.size, bytes, run };
    this.#codes.set(kernel.name, code);
    return code;
  }

  /** Makes sure that every thread has `bytes` of scratch memory. */
  #reserve(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    // Powers of two: what is outgrown stays below what is in use.
    this.#scratchBytes = Math.max(64, 2 ** Math.ceil(Math.log2(bytes)));
    this.#scratchAt = this.#allocate(this.#scratchBytes * this.#threads);
  }

  /** Starts the workers that are missing. */
  #hire(): void {
    for (let i = 0; i < this.#threads - 1; i++) {
      if (Atomics.exchange(this.#slots, SLOT.alive + i, 1) === 1) continue;
      this.#source ??= URL.createObjectURL(
        new Blob([`(${serve})(${takeItems}, ${JSON.stringify(SLOT)})`], {
          type: "text/javascript",
        }),
      );
      const worker = new Worker(this.#source, { type: "module" });
      const start: Start = {
        memory: this.#memory,
        slots: this.#slots,
        index: i,
        spins: SPINS,
        idleMs: IDLE_MS,
      };
      worker.postMessage(start);
      this.#workers[i] = worker;
    }
  }

  /** Opens a launch to the workers. */
  #describe(
    code: Code,
    { items, grain, rest }: {
      readonly items: number;
      readonly grain: number;
      readonly rest: readonly number[];
    },
  ): void {
    const slots = this.#slots;
    if (code.shared === undefined) {
      code.shared = this.#allocate(code.bytes.length);
      new Uint8Array(this.#memory.buffer).set(code.bytes, code.shared);
    }
    slots[SLOT.items] = items;
    slots[SLOT.grain] = grain;
    slots[SLOT.threads] = this.#threads;
    slots[SLOT.codeId] = code.id;
    slots[SLOT.codeAt] = code.shared;
    slots[SLOT.codeBytes] = code.bytes.length;
    slots[SLOT.scratchAt] = this.#scratchAt;
    slots[SLOT.scratchBytes] = this.#scratchBytes;
    slots[SLOT.argumentCount] = rest.length;
    slots[SLOT.errorBytes] = 0;
    const at = slots.byteOffset + 4 * SLOT.arguments;
    new Float64Array(slots.buffer, at, MAX_ARGUMENTS).set(rest);
    Atomics.store(slots, SLOT.next, 0);
    Atomics.store(slots, SLOT.open, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#slots, SLOT.launch, 1);
    Atomics.notify(this.#slots, SLOT.launch);
  }

  /** Closes the launch and waits for the workers that take part in it. */
  #join(): void {
    const slots = this.#slots;
    Atomics.store(slots, SLOT.next, slots[SLOT.items]!);
    Atomics.store(slots, SLOT.open, 0);
    let active: number;
    let turns = 0;
    while ((active = Atomics.load(slots, SLOT.active)) > 0) {
      if (++turns > SPINS && this.#maySleep) {
        Atomics.wait(slots, SLOT.active, active);
      }
    }
  }

  /** Throws the error that a worker left. */
  #rethrow(name: string): void {
    const slots = this.#slots;
    const length = slots[SLOT.errorBytes]!;
    if (length === 0) return;
    const at = slots.byteOffset + 4 * SLOT.error;
    const text = new Uint8Array(slots.buffer, at, length).slice();
    throw new Error(`Cannot run ${name}: ${new TextDecoder().decode(text)}`);
  }
}

function isShared(memory: WebAssembly.Memory): boolean {
  return "SharedArrayBuffer" in globalThis &&
    memory.buffer instanceof SharedArrayBuffer;
}

/** Whether this thread may sleep; the main thread of a browser may not. */
function maySleep(slots: Int32Array): boolean {
  try {
    Atomics.wait(slots, SLOT.active, 0, 0);
    return true;
  } catch {
    return false;
  }
}
