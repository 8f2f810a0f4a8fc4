/** Longest that timers and signals wait for work on the processor, in ms. */
const LONGEST_MS = 50;

/** Options of work that takes long. */
export interface LongWork {
  /** Stops it: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Lets timers and signals through. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What `work` gives; `undefined` when the signal stopped it. */
export async function unlessStopped<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
    throw error;
  }
}

/**
 * Lets timers and signals through, now and then, in work that would not do so
 * by itself: what the processor computes is there at once, and promises of it
 * are kept before any timer or signal is heard.
 */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  /** Watches the signal of `work`. */
  constructor({ signal }: LongWork = {}) {
    this.#signal = signal;
  }

  /**
   * To be awaited often; waits only when the last turn was long ago. Rejects
   * with the signal's reason once that is aborted.
   */
  async next(): Promise<void> {
    this.#signal?.throwIfAborted();
    if (performance.now() - this.#since < LONGEST_MS) return;
    await nextTurn();
    this.#since = performance.now();
    this.#signal?.throwIfAborted();
  }
}
