import { EVENT_FIELD } from "./event_fields.ts";
import {
  cellLegend,
  groupBars,
  type PatchCell,
  patchCells,
  printableText,
  SCORE_LEVELS,
  scoreLevel,
} from "./patch_view.ts";
import { duration, grouped, short } from "./progress.ts";
import type { TextUnits } from "./segment.ts";
import type { TrainEvent } from "./train_event.ts";

/** What a report shows. */
export interface Report {
  /** Name of the run. */
  readonly title: string;
  /** What was told so far; of a step that was told twice the last counts. */
  readonly events: readonly TrainEvent[];
  /** A text cut into units. */
  readonly sample?: TextUnits & {
    /** [bytes] */
    readonly bytes: Uint8Array;
  };
}

/** A series of a chart: [x, y] in order of x. */
type Series = readonly (readonly [number, number])[];

/**
 * A page about a training run, whole in itself: no script, no other file.
 * Its parts appear as soon as there is something to show in them.
 */
export function reportHtml({ title, events, sample }: Report): string {
  const training = seriesOf(events, "step");
  const heldOut = seriesOf(events, "evaluation");
  const patches = sample && patchesHtml(sample.bytes, sample);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeHtml(title)}</h1>
${factsHtml(events)}
${training.length > 1 ? chartHtml(training, heldOut) : ""}
${patches ?? ""}
</main>
</html>
`;
}

/**
 * Events of a metrics file, one JSON object a line. A line that is none is left
 * out: it was cut off by a crash, or is anybody's.
 */
export function parseEvents(lines: string): TrainEvent[] {
  return lines.split("\n").flatMap((line) => {
    try {
      return [EVENT_FIELD.read(JSON.parse(line), "")];
    } catch {
      return [];
    }
  });
}

/** Bits per byte of the model by step. */
function seriesOf(
  events: readonly TrainEvent[],
  kind: "step" | "evaluation",
): Series {
  const values = new Map<number, number>();
  for (const event of events) {
    if (event.kind !== kind || !("bitsPerByte" in event)) continue;
    if (event.kind === "step" && event.phase !== "model") continue;
    values.set(event.step, event.bitsPerByte);
  }
  return [...values].sort(([a], [b]) => a - b);
}

function factsHtml(events: readonly TrainEvent[]): string {
  const last = <Kind extends TrainEvent["kind"]>(
    kind: Kind,
  ): Extract<TrainEvent, { kind: Kind }> | undefined =>
    events.findLast((event): event is Extract<TrainEvent, { kind: Kind }> =>
      event.kind === kind
    );
  const start = last("start");
  const step = last("step");
  const evaluation = last("evaluation");
  const facts: [string, string][] = [];
  if (evaluation) {
    facts.push([
      "held-out bits per byte",
      evaluation.bitsPerByte.toFixed(3),
    ]);
  }
  if (step) {
    facts.push([`step of the ${step.phase}`, `${step.step} / ${step.steps}`]);
    if (step.meanPatchBytes !== undefined) {
      facts.push(["bytes per patch", step.meanPatchBytes.toFixed(2)]);
    }
    facts.push(["speed", short(step.bytesPerSecond, "B/s")]);
    if (step.step < step.steps) {
      facts.push(["left", duration(step.secondsLeft)]);
    }
  }
  if (start) {
    facts.push(
      ["parameters that compute", short(start.parameters.compute)],
      ["parameters in tables", short(start.parameters.lookup)],
      ["per byte", short(start.flopsPerByte, "FLOP")],
      ["bytes to learn from", grouped(start.trainBytes)],
    );
  }
  const items = facts.map(([name, value]) =>
    `<div><dd>${escapeHtml(value)}</dd><dt>${escapeHtml(name)}</dt></div>`
  );
  const subtitle = start
    ? `<p>${escapeHtml(start.model)} on ${escapeHtml(start.device)}</p>`
    : "";
  return `${subtitle}\n<dl>${items.join("")}</dl>`;
}

const WIDTH = 720;
const HEIGHT = 300;
const MARGIN = { left: 44, right: 20, top: 12, bottom: 28 };

function chartHtml(training: Series, heldOut: Series): string {
  const all = [...training, ...heldOut];
  const right = all.reduce((most, [step]) => Math.max(most, step), 0);
  const top = all.reduce((most, [, bits]) => Math.max(most, bits), 0) || 1;
  const innerWidth = WIDTH - MARGIN.left - MARGIN.right;
  const innerHeight = HEIGHT - MARGIN.top - MARGIN.bottom;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = (step: number): string =>
    (MARGIN.left + step / right * innerWidth).toFixed(1);
  const y = (bits: number): string =>
    (bottom - bits / top * innerHeight).toFixed(1);
  const line = (series: Series): string =>
    series.map(([step, bits]) => `${x(step)},${y(bits)}`).join(" ");

  const across = ticks(top).map((bits) =>
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${
      y(bits)
    }" y2="${y(bits)}"/><text x="${MARGIN.left - 8}" y="${
      y(bits)
    }" dy="4" text-anchor="end">${bits}</text>`
  );
  const below = ticks(right).map((step) =>
    `<text x="${x(step)}" y="${
      bottom + 18
    }" text-anchor="middle">${step}</text>`
  );
  const dots = heldOut.map(([step, bits]) =>
    `<circle cx="${x(step)}" cy="${y(bits)}" r="3.5"><title>step ${step}: ${
      bits.toFixed(3)
    }</title></circle>`
  );
  return `<h2>Bits per byte by step</h2>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="bits per byte by step">
<g class="grid">${across.join("")}${below.join("")}</g>
<polyline class="training" points="${line(thinned(training))}"/>
<g class="held-out"><polyline points="${line(heldOut)}"/>${dots.join("")}</g>
</svg>
<p class="legend"><span class="key training"></span> batches of the training text
<span class="key held-out"></span> held-out text</p>`;
}

/** At most one point a unit of the chart: the mean of those that it covers. */
function thinned(series: Series): Series {
  const share = Math.ceil(series.length / WIDTH);
  return Array.from({ length: Math.ceil(series.length / share) }, (_, i) => {
    const points = series.slice(i * share, (i + 1) * share);
    const mean = (axis: 0 | 1): number =>
      points.reduce((sum, point) => sum + point[axis], 0) / points.length;
    return [mean(0), mean(1)] as const;
  });
}

/** Round numbers from 0 up to `top`, about five. */
function ticks(top: number): number[] {
  const rough = top / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  return Array.from(
    { length: Math.floor(top / step) + 1 },
    (_, i) => Number((i * step).toPrecision(6)),
  );
}

function patchesHtml(bytes: Uint8Array, units: TextUnits): string {
  const cells = patchCells(bytes, units);
  let html = "";
  let open = -1;
  for (const cell of cells) {
    const { text, patch, bars } = cell;
    if (patch !== open) {
      html += open < 0 ? "" : "</span>";
      html += `${groupBars(bars)}<span class="patch">`;
      open = patch;
    }
    const shown = text === "\n" ? "↵<br>" : escapeHtml(text);
    const level = scoreLevel(cell);
    html += level === undefined
      ? shown
      : `<i class="e${level}" title="${
        escapeHtml(scoreText(cell))
      }">${shown}</i>`;
  }
  if (open >= 0) html += "</span>";
  const levels = Array.from(
    { length: SCORE_LEVELS },
    (_, level) => `<i class="e${level}"> ${level} </i>`,
  );
  const legend = cellLegend(cells, levels.join(""))
    .map((line) => `<p class="legend">${line}</p>`);
  return `<h2>Patches</h2>\n<p class="text" dir="auto">${html}</p>\n${
    legend.join("\n")
  }`;
}

function scoreText({ entropy, probability }: PatchCell): string {
  return entropy === undefined
    ? `probability ${probability?.toFixed(2)}`
    : `${entropy.toFixed(2)} nats`;
}

/** Text that can stand anywhere in the page, be it anybody's. */
function escapeHtml(text: string): string {
  return printableText(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** Backgrounds of the levels of scores: clear when calm, then ever warmer. */
const LEVEL_RULES = Array.from(
  { length: SCORE_LEVELS },
  (_, level) =>
    `.e${level}{background:hsl(${60 - 6 * level} 95% 55% / ${
      (level * 0.09).toFixed(2)
    })}`,
).join("\n");

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2433; --paper: #fff; --soft: #6b7488;
  --grid: #e3e7ee; --training: #8fb3e8; --held-out: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8f0; --paper: #14171d;
  --soft: #949db0; --grid: #2b313c; --training: #4a77b8; --held-out: #ff8f4d; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 48rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.6rem; }
h1 + p { margin: 0; color: var(--soft); }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr));
  gap: 1rem; margin: 1.5rem 0 0; }
dl div { display: flex; flex-direction: column; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
dt, .legend, .grid text { color: var(--soft); font-size: .8rem; }
svg { display: block; width: 100%; height: auto; }
.grid line { stroke: var(--grid); }
.grid text { fill: var(--soft); font-size: 12px; }
polyline { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
svg .training { stroke: var(--training); }
svg .held-out polyline { stroke: var(--held-out); }
svg .held-out circle { fill: var(--held-out); }
.key { display: inline-block; width: 1.2rem; height: .25rem; margin: 0 .3rem .2rem 0; }
.key + .key { margin-left: 1rem; }
.key.training { background: var(--training); }
.key.held-out { background: var(--held-out); margin-left: 1rem; }
.text { font-family: ui-monospace, monospace; line-height: 1.9; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.patch { border-radius: 3px; padding: .15em 0; outline: 1px solid var(--grid);
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
i { font-style: normal; }
.legend { margin: .5rem 0 0; }
.legend i { color: var(--ink); white-space: pre; font-family: ui-monospace, monospace; }
${LEVEL_RULES}
`;
