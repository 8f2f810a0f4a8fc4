import type { Evaluation } from "./evaluate.ts";
import { printable, printableText } from "./patch_view.ts";
import type {
  ProgressEvent,
  SavedEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
} from "./train_event.ts";

/** Where a training run is shown. */
export interface Screen {
  /** Shows text as it is. */
  write(text: string): void;
  /** Width of the terminal; `undefined` when there is none to redraw. */
  columns(): number | undefined;
  /** Time in milliseconds from any start. */
  now(): number;
}

/** Without a terminal a line comes after this time or this share of the steps. */
const LINE_MS = 10_000;
const LINE_SHARE = 0.05;

/**
 * Shows a training run: in a terminal one line that is redrawn, otherwise a
 * line now and then; what is not a step has lines of its own.
 */
export class TrainDisplay {
  readonly #screen: Screen;
  readonly #losses: number[] = [];
  #shownAt = -Infinity;
  #shownStep = 0;
  #progressAt: number | undefined;
  #live = false;

  /** Shows nothing yet. */
  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Shows one event, but not that something was saved: that is as it should be. */
  show(event: TrainEvent): void {
    if (event.kind === "step") this.#step(event);
    else if (event.kind === "progress") this.#progress(event);
    else if (event.kind !== "saved") this.line(eventText(event));
  }

  /** Shows text on lines of its own, what would command a terminal in hex. */
  line(text: string): void {
    const shown = printableText(text);
    this.#screen.write(`${this.#live ? "\n" : ""}${shown}\n`);
    this.#live = false;
  }

  /** Ends the line; in a terminal shows how the model's loss went. */
  finish(): void {
    if (this.#live) this.#screen.write("\n");
    this.#live = false;
    const columns = this.#screen.columns();
    if (columns === undefined || this.#losses.length < 2) return;
    const first = `loss ${this.#losses[0]!.toFixed(2)} `;
    const last = ` ${this.#losses.at(-1)!.toFixed(2)}`;
    const width = Math.min(60, columns - 1 - first.length - last.length);
    this.line(first + sparkline(this.#losses, width) + last);
  }

  #progress(event: ProgressEvent): void {
    const text = eventText(event);
    if (this.#redraw((last) => text.slice(0, last))) return;
    const now = this.#screen.now();
    const first = this.#progressAt === undefined;
    if (!first && now - this.#progressAt! < LINE_MS) return;
    this.line(text);
    this.#progressAt = now;
  }

  /** False where there is no line to redraw. */
  #redraw(text: (columns: number) => string): boolean {
    const columns = this.#screen.columns();
    if (columns === undefined) return false;
    const last = columns - 1; // a full line would move to the next
    this.#screen.write(`\r${text(last).padEnd(last)}`);
    this.#live = true;
    return true;
  }

  #step(event: StepEvent): void {
    if (event.phase === "model") this.#losses.push(event.loss);
    if (this.#redraw((last) => stepLine(event, last))) return;
    const { step, steps } = event;
    const now = this.#screen.now();
    // A new phase counts its steps from 1 again.
    const passed = step < this.#shownStep ? step : step - this.#shownStep;
    const due = now - this.#shownAt >= LINE_MS || passed >= LINE_SHARE * steps;
    if (!due && step < steps) return;
    this.line(stepLine(event));
    this.#shownAt = now;
    this.#shownStep = step;
  }
}

/** One line about a step; what matters least is left out beyond `columns`. */
export function stepLine(event: StepEvent, columns: number = Infinity): string {
  const { step, steps, meanPatchBytes } = event;
  const fields = [
    `${event.phase} ${step}/${steps}`,
    `${event.bitsPerByte.toFixed(3)} bits per byte`,
    `${duration(event.secondsLeft)} left`,
    short(event.bytesPerSecond, "B/s"),
    `loss ${event.loss.toFixed(3)}`,
    ...meanPatchBytes === undefined
      ? []
      : [`${meanPatchBytes.toFixed(2)} bytes per patch`],
    `gradient ${event.gradientNorm.toFixed(2)}`,
    `lr ${event.lr.toPrecision(3)}`,
  ];
  let line = fields[0]!.slice(0, columns);
  for (const field of fields.slice(1)) {
    if (line.length + 2 + field.length > columns) break;
    line += `  ${field}`;
  }
  return line;
}

/** Lines about an event of which there are few. */
export function eventText(
  event: Exclude<TrainEvent, StepEvent | SavedEvent>,
): string {
  switch (event.kind) {
    case "start":
      return startText(event);
    case "progress": {
      const share = Math.floor(100 * event.done / event.total);
      return `entropy of every byte: ${grouped(event.done)} of ${
        grouped(event.total)
      }, ${share} %`;
    }
    case "patcher":
      return `patches start above ${event.threshold.toFixed(3)} nats: ${
        event.measured.toFixed(2)
      } bytes each, ${event.target} wanted`;
    case "evaluation":
      return `held out after step ${event.step}: ${
        event.bitsPerByte.toFixed(3)
      } bits per byte of ${grouped(event.bytes)}`;
    case "warning":
      return `warning: ${event.text}`;
    case "sample":
      return `sample:\n${printable(event.bytes)}`;
  }
}

/** What an evaluation found, and what it cost. */
export interface EvaluationResult extends Evaluation {
  /** FLOPs of a forward pass, divided by its bytes. */
  readonly flopsPerByte: number;
}

/** Lines about an evaluation. */
export function resultText(result: EvaluationResult): string {
  const { bitsPerByte, bytes, meanPatchBytes, flopsPerByte } = result;
  return [
    `${bitsPerByte.toFixed(3)} bits per byte of ${grouped(bytes)}`,
    `${meanPatchBytes.toFixed(2)} bytes per patch`,
    `${short(flopsPerByte, "FLOP")} per byte`,
  ].join("\n");
}

/** One character a column, low to high; each is the mean of its share. */
export function sparkline(values: readonly number[], columns: number): string {
  const width = Math.max(1, Math.min(columns, values.length));
  const means = Array.from({ length: width }, (_, column) => {
    const from = Math.floor(column * values.length / width);
    const to = Math.floor((column + 1) * values.length / width);
    const share = values.slice(from, to);
    return share.reduce((sum, value) => sum + value, 0) / share.length;
  });
  const low = Math.min(...means);
  const range = Math.max(...means) - low || 1;
  const BLOCKS = "▁▂▃▄▅▆▇█";
  return means.map((mean) => BLOCKS[Math.round(7 * (mean - low) / range)]!)
    .join("");
}

/** Three digits and a prefixed unit: 1234567 is "1.23 M", or "1.23 MB". */
export function short(value: number, unit: string = ""): string {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  const digits = (scaled: number): number => Number(scaled.toPrecision(3));
  let power = 0;
  let scaled = value;
  while (digits(scaled) >= 1000 && power < prefixes.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${digits(scaled)} ${prefixes[power]}${unit}`.trimEnd();
}

/** Seconds as a person says them: "42 s", "3 min 5 s", "2 h 10 min". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min ${s % 60} s`;
  return `${Math.floor(min / 60)} h ${min % 60} min`;
}

/** An integer with a comma at each thousand. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function startText(event: StartEvent): string {
  const { compute, lookup } = event.parameters;
  const { batch, context, steps, resumedAt } = event;
  const lines = [
    `${event.model}: ${short(compute)} parameters that compute, ${
      short(lookup)
    } in tables, ${short(event.flopsPerByte, "FLOP")} per byte`,
    `data: ${grouped(event.trainBytes)} bytes to learn from, ${
      grouped(event.heldOutBytes)
    } held out`,
    `${grouped(steps)} steps of ${batch} rows of ${context} bytes`,
  ];
  if (resumedAt !== undefined) lines.push(`resumed after step ${resumedAt}`);
  return lines.join("\n");
}
