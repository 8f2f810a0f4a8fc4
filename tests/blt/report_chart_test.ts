import { assertEquals } from "@std/assert";
import {
  plainPatches,
  reportHtml,
  segment,
  type TrainEvent,
} from "../../blt/mod.ts";

function step(step: number, bitsPerByte: number): TrainEvent {
  return {
    kind: "step",
    phase: "model",
    step,
    steps: 100,
    loss: bitsPerByte * Math.LN2,
    bitsPerByte,
    gradientNorm: 1,
    lr: 1e-3,
    bytesPerSecond: 1000,
    secondsLeft: 0,
  };
}

function partOf(html: string, pattern: RegExp): string {
  return pattern.exec(html)?.[0] ?? "nothing";
}

/** A line across the chart, with its label. */
function across(bits: number, y: string): string {
  return `<line x1="44" x2="700" y1="${y}" y2="${y}"/>` +
    `<text x="36" y="${y}" dy="4" text-anchor="end">${bits}</text>`;
}

function below(step: number, x: string): string {
  return `<text x="${x}" y="290" text-anchor="middle">${step}</text>`;
}

Deno.test("reportHtml() draws axes, curve and dots in their places", () => {
  const html = reportHtml({
    title: "run",
    events: [
      step(50, 4),
      step(100, 2),
      { kind: "evaluation", step: 100, bitsPerByte: 2.5, bytes: 10 },
    ],
  });
  const grid = across(0, "272.0") + across(1, "207.0") + across(2, "142.0") +
    across(3, "77.0") + across(4, "12.0") + below(0, "44.0") +
    below(20, "175.2") + below(40, "306.4") + below(60, "437.6") +
    below(80, "568.8") + below(100, "700.0");
  assertEquals(
    partOf(html, /<svg[^]*<\/svg>/),
    `<svg viewBox="0 0 720 300" role="img" aria-label="bits per byte by step">
<g class="grid">${grid}</g>
<polyline class="training" points="372.0,12.0 700.0,142.0"/>
<g class="held-out"><polyline points="700.0,109.5"/><circle cx="700.0" cy="109.5" r="3.5"><title>step 100: 2.500</title></circle></g>
</svg>`,
  );
});

Deno.test("reportHtml() divides axes by 1, 2 or 5", () => {
  const labels = [0.4, 1, 3, 7].map((bits) => {
    const html = reportHtml({
      title: "run",
      events: [step(1, bits), step(2, bits)],
    });
    return [...html.matchAll(/text-anchor="end">([\d.]+)</g)]
      .map(([, label]) => Number(label));
  });
  assertEquals(labels, [
    [0, 0.1, 0.2, 0.3, 0.4],
    [0, 0.2, 0.4, 0.6, 0.8, 1],
    [0, 1, 2, 3],
    [0, 2, 4, 6],
  ]);
});

Deno.test("reportHtml() ends every patch that it begins", async () => {
  for (const text of ["a", "a b c"]) {
    const bytes = new TextEncoder().encode(text);
    const sample = { bytes, ...await segment({ kind: "space" }, bytes) };
    const html = reportHtml({ title: "run", events: [], sample });
    const shown = partOf(html, /<p class="text"[^]*?<\/p>/);
    assertEquals(
      shown.split("<span").length,
      shown.split("</span>").length,
      text,
    );
  }
});

Deno.test("plainPatches() has lines of 80 columns unless told", async () => {
  const bytes = new TextEncoder().encode("abc ".repeat(60));
  const units = await segment({ kind: "space" }, bytes);
  assertEquals(plainPatches(bytes, units), plainPatches(bytes, units, 80));
  const longest = plainPatches(bytes, units).split("\n")
    .reduce((most, { length }) => Math.max(most, length), 0);
  assertEquals(longest > 70 && longest <= 80, true, `${longest}`);
});
