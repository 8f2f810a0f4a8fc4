import { parseEvents } from "./report_html.ts";
import { RUN_FILES } from "./run.ts";
import type { RunStore } from "./store.ts";
import type { TrainEvent } from "./train_event.ts";

/** What a run tells, and its file of metrics, which keeps a part of that. */
export class Journal {
  readonly #store: RunStore;
  readonly #report: (event: TrainEvent) => void;
  readonly #evaluated: Set<number>;

  private constructor(
    store: RunStore,
    report: (event: TrainEvent) => void,
    evaluated: Set<number>,
  ) {
    this.#store = store;
    this.#report = report;
    this.#evaluated = evaluated;
  }

  /** Reads what was kept before, and ends a line that was cut off. */
  static async open(
    store: RunStore,
    report: (event: TrainEvent) => void,
  ): Promise<Journal> {
    const bytes = await store.read(RUN_FILES.metrics);
    const text = new TextDecoder().decode(bytes);
    if (text !== "" && !text.endsWith("\n")) {
      await store.append(RUN_FILES.metrics, "\n");
    }
    const evaluated = new Set<number>();
    for (const event of parseEvents(text)) {
      if (event.kind === "evaluation") evaluated.add(event.step);
    }
    return new Journal(store, report, evaluated);
  }

  /** Whether the evaluation after a step was kept. */
  evaluated(step: number): boolean {
    return this.#evaluated.has(step);
  }

  /** Tells an event. */
  tell(event: TrainEvent): void {
    this.#report(event);
  }

  /** Tells an event and keeps it in the metrics of the run. */
  async log(event: TrainEvent): Promise<void> {
    this.tell(event);
    await this.#store.append(RUN_FILES.metrics, `${JSON.stringify(event)}\n`);
    if (event.kind === "evaluation") this.#evaluated.add(event.step);
  }
}
