/**
 * Places in the control block, in words of 4 bytes. What several threads write
 * has a cache line of its own.
 */
export const SLOT = {
  /** Number of the latest launch; idle workers sleep on it. */
  launch: 0,
  /** 1 while items may be taken. */
  open: 16,
  /** Workers that may be at work; the caller sleeps on it. */
  active: 32,
  /** First item that nobody has taken. */
  next: 48,
  /** Number of items of the launch. */
  items: 64,
  /** Fewest items to take at a time. */
  grain: 65,
  /** Threads of the team. */
  threads: 66,
  /** Number of the kernel. */
  codeId: 67,
  /** Address of the kernel's module. */
  codeAt: 68,
  /** Length of the module. */
  codeBytes: 69,
  /** Address of the scratch memory of all threads, the caller's first. */
  scratchAt: 70,
  /** Bytes of scratch memory of each thread. */
  scratchBytes: 71,
  /** Number of arguments. */
  argumentCount: 72,
  /** Length of the message of a worker's error; 0 means none. */
  errorBytes: 73,
  /** 1 when workers are to end. */
  stop: 74,
  /** Addresses of buffers, then sizes: f64 each, at most `MAX_ARGUMENTS`. */
  arguments: 80,
  /** Message of a worker's error, at most 512 bytes. */
  error: 208,
  /** A word for each worker: 1 while it starts or runs. */
  alive: 336,
} as const;

/** Most buffers and sizes of a kernel together. */
export const MAX_ARGUMENTS = 64;

/**
 * Turns of a waiting thread before it sleeps. Longer spinning delays whoever
 * else needs the core: tails of 0.8 ms measured.
 */
export const SPINS = 2000;

/**
 * Sleep after which a worker ends itself, in milliseconds: as long as it lives,
 * so does the process.
 */
export const IDLE_MS = 500;

/**
 * Runs items until none is left to take. Pieces shrink with what is left, so
 * that threads end together although some are disturbed.
 */
export function takeItems(
  slots: Int32Array,
  slot: typeof SLOT,
  run: (begin: number, end: number) => void,
): void {
  const items = slots[slot.items]!;
  for (;;) {
    const begin = Atomics.load(slots, slot.next);
    const left = items - begin;
    if (left <= 0) return;
    const share = Math.ceil(left / (2 * slots[slot.threads]!));
    const end = begin + Math.min(left, Math.max(share, slots[slot.grain]!));
    if (Atomics.compareExchange(slots, slot.next, begin, end) === begin) {
      run(begin, end);
    }
  }
}

/** First message to a worker. */
export interface Start {
  /** Memory of the team. */
  readonly memory: WebAssembly.Memory;
  /** Control block, see `SLOT`. */
  readonly slots: Int32Array;
  /** Number of this worker, from 0. */
  readonly index: number;
  /** Turns that it spins before it sleeps. */
  readonly spins: number;
  /** Sleep after which it ends, in milliseconds. */
  readonly idleMs: number;
}

/** A worker's whole program. Its text travels alone: it uses no other name. */
export function serve(take: typeof takeItems, slot: typeof SLOT): void {
  type Run = (begin: number, end: number, ...rest: number[]) => void;
  const codes: Run[] = [];

  function compile(memory: WebAssembly.Memory, slots: Int32Array): Run {
    const at = slots[slot.codeAt]! >>> 0;
    // Another thread may have grown the memory; this makes it known here.
    memory.grow(0);
    const bytes = new Uint8Array(memory.buffer, at, slots[slot.codeBytes]);
    const module = new WebAssembly.Module(bytes.slice());
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    return instance.exports["run"] as Run;
  }

  function takePart({ memory, slots, index }: Start): void {
    const run = codes[slots[slot.codeId]!] ??= compile(memory, slots);
    const at = slots.byteOffset + 4 * slot.arguments;
    const count = slots[slot.argumentCount];
    const rest = [...new Float64Array(slots.buffer, at, count)];
    const scratch = (slots[slot.scratchAt]! >>> 0) +
      (index + 1) * slots[slot.scratchBytes]!;
    take(slots, slot, (begin, end) => run(begin, end, ...rest, scratch));
  }

  function report(slots: Int32Array, error: unknown): void {
    const at = slots.byteOffset + 4 * slot.error;
    const text = new TextEncoder().encode(String(error)).subarray(0, 512);
    new Uint8Array(slots.buffer, at, text.length).set(text);
    slots[slot.errorBytes] = text.length;
    Atomics.store(slots, slot.next, slots[slot.items]!);
  }

  /** Waits for a launch after `seen`; false when it is time to end. */
  function wait({ slots, spins, idleMs }: Start, seen: number): boolean {
    for (let turns = 0; turns < spins; turns++) {
      if (Atomics.load(slots, slot.launch) !== seen) return true;
    }
    return Atomics.wait(slots, slot.launch, seen, idleMs) !== "timed-out";
  }

  self.addEventListener("message", (event) => {
    const { data } = event as MessageEvent<Start>;
    const { slots, index } = data;
    let seen: number;
    do {
      seen = Atomics.load(slots, slot.launch);
      Atomics.add(slots, slot.active, 1);
      try {
        if (Atomics.load(slots, slot.open) === 1) takePart(data);
      } catch (error) {
        report(slots, error);
      }
      Atomics.sub(slots, slot.active, 1);
      Atomics.notify(slots, slot.active);
    } while (wait(data, seen) && slots[slot.stop] === 0);
    Atomics.store(slots, slot.alive + index, 0);
    self.close();
  });
}
