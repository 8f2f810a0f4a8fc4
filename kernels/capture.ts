import type { Capture, HostArray } from "./device.ts";
import { DeviceError } from "./errors.ts";
import { type Block, type Lender, Pool } from "./pool.ts";

/** One captured run: what it did, and the memory that it used. */
interface Run<B extends Block> {
  /** Launches and uploads, to be called again in their order. */
  readonly actions: (() => void)[];
  /** Lends the blocks that were taken in the run, and only to it. */
  readonly pool: Pool<B>;
  /** Blocks that `pool` got from outside. */
  readonly own: Set<B>;
  /** Blocks of others that the launches use. */
  readonly foreign: Set<B>;
  /** Whether one of `foreign` was given back. */
  broken: boolean;
}

/**
 * Blocks of a device whose launches can be captured. What was taken in a
 * captured run goes to nobody else until the capture is disposed.
 */
export class CapturePool<B extends Block> implements Lender<B> {
  readonly #pool: Lender<B>;
  readonly #runs = new Set<Run<B>>();
  #current: Run<B> | undefined;

  /** Takes its blocks from `pool`. */
  constructor(pool: Lender<B>) {
    this.#pool = pool;
  }

  take(bytes: number): B {
    return (this.#current?.pool ?? this.#pool).take(bytes);
  }

  /** Gives a block back, to the captured run it was taken in, or to all. */
  give(block: B): void {
    let pool: Lender<B> = this.#pool;
    for (const run of this.#runs) {
      if (run.own.has(block)) pool = run.pool;
      if (run.foreign.has(block)) run.broken = true;
    }
    pool.give(block);
  }

  /** Tells of a launch that uses `blocks`, and how to repeat it. */
  launched(blocks: readonly B[], again: () => void): void {
    const run = this.#current;
    if (!run) return;
    run.actions.push(again);
    for (const block of blocks) if (!run.own.has(block)) run.foreign.add(block);
  }

  /**
   * Tells of an upload to `block`, and how to do it. It is repeated in the run's
   * own memory only, whose blocks may have held something else before.
   */
  wrote(block: B, data: HostArray, write: (data: HostArray) => void): void {
    const run = this.#current;
    if (!run?.own.has(block)) return;
    const copy = data.slice();
    run.actions.push(() => write(copy));
  }

  /** Calls `run`, and keeps what it does to repeat it. */
  capture(run: () => void): Capture {
    if (this.#current) {
      throw new Error("Cannot capture a run: another one is being captured");
    }
    const own = new Set<B>();
    const pool = new Pool((bytes) => {
      const block = this.#pool.take(bytes);
      own.add(block);
      return block;
    });
    const captured: Run<B> = {
      actions: [],
      pool,
      own,
      foreign: new Set(),
      broken: false,
    };
    const dispose = (): void => {
      if (!this.#runs.delete(captured)) return;
      for (const block of pool.drain()) this.#pool.give(block);
    };
    this.#runs.add(captured);
    this.#current = captured;
    try {
      run();
    } catch (error) {
      dispose();
      throw error;
    } finally {
      this.#current = undefined;
    }
    return {
      replay: (): void => {
        if (captured.broken || !this.#runs.has(captured)) {
          throw new DeviceError(
            "Cannot replay a captured run: memory that it uses was freed",
          );
        }
        for (const action of captured.actions) action();
      },
      [Symbol.dispose]: dispose,
    };
  }
}
