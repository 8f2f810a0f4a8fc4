/** Longest work between two turns of the event loop. */
const TURN_MS = 25;

/** Lets timers and signals through. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Lets them through now and then, since each turn costs a millisecond. */
export class Turns {
  #last: number = performance.now();

  /** Waits for a turn of the event loop when the last was a while ago. */
  async pass(): Promise<void> {
    if (performance.now() - this.#last < TURN_MS) return;
    await nextTurn();
    this.#last = performance.now();
  }
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
