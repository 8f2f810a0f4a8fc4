/** Exit codes of processes that a signal ended: 128 and its number. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Terminals and parents may each send a signal when one is meant. */
const ONE_SIGNAL_MS = 200;

/** Signals that ask for an end: the first aborts, the next ends at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: [Deno.Signal, () => void][] = [];
  /** Asked before a hangup takes it away. */
  readonly #terminal: boolean = [Deno.stdin, Deno.stdout, Deno.stderr]
    .some((stream) => stream.isTerminal());
  #code = 0;
  #since = 0;

  /** `hear` is told of the first signal. */
  constructor(hear: (advice: string) => void) {
    for (const [name, code] of Object.entries(CODES)) {
      const signal = name as keyof typeof CODES;
      const listener = async (): Promise<void> => {
        const hangup = signal === "SIGHUP" && !this.#terminal;
        if (hangup && await ignoresHangup()) return;
        const now = performance.now();
        if (!this.signal.aborted) {
          this.#code = code;
          this.#since = now;
          this.#controller.abort();
          hear(signal === "SIGINT" ? "Ctrl-C again" : "a second signal");
        } else if (now - this.#since > ONE_SIGNAL_MS) Deno.exit(code);
      };
      try {
        Deno.addSignalListener(signal, listener);
        this.#listeners.push([signal, listener]);
      } catch {
        // Windows has not all of them.
      }
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Exit code by the first signal. */
  get code(): number {
    return this.#code;
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) {
      Deno.removeSignalListener(signal, listener);
    }
  }
}

/**
 * Whether `nohup` started a process without a terminal: listening undoes what it asked the
 * system for, but it leaves a standard input that cannot be read.
 */
async function ignoresHangup(): Promise<boolean> {
  const waiting = new Promise<boolean>((resolve) =>
    setTimeout(() => resolve(false), 100)
  );
  const reading = Deno.stdin.read(new Uint8Array(1))
    .then(() => false, () => true);
  return await Promise.race([waiting, reading]);
}
