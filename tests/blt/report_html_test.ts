import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseEvents, reportHtml } from "../../blt/report_html.ts";
import type { StepEvent, TrainEvent } from "../../blt/train_event.ts";

function step(step: number, bitsPerByte: number): StepEvent {
  return {
    kind: "step",
    phase: "model",
    step,
    steps: 100,
    loss: 1,
    bitsPerByte,
    gradientNorm: 1,
    lr: 0.001,
    bytesPerSecond: 12_345,
    secondsLeft: 61,
  };
}

/** The points of each curve, as numbers. */
function curves(html: string): number[][][] {
  return [...html.matchAll(/points="([^"]*)"/g)].map(([, points]) =>
    points!.split(" ").filter(Boolean).map((point) =>
      point.split(",").map(Number)
    )
  );
}

Deno.test("reportHtml() is a page of its own, before anything is known", () => {
  const html = reportHtml({ title: "a & <b>", events: [] });
  assertMatch(html, /^<!doctype html>/);
  assertMatch(html, /<h1>a &amp; &lt;b&gt;<\/h1>/);
  assert(!/<script|https?:|src=|<svg|NaN|undefined/.test(html));
});

Deno.test("reportHtml() draws training and held-out bits per byte", () => {
  const events: TrainEvent[] = [
    step(50, 4),
    step(100, 3),
    // Resumed: these steps are made again.
    step(100, 2),
    { ...step(100, 8), phase: "entropy model" },
    { kind: "evaluation", step: 100, bitsPerByte: 2.5, bytes: 10 },
  ];
  const html = reportHtml({ title: "run", events });
  const [training, heldOut] = curves(html);
  assertEquals(training!.length, 2);
  const [[firstX, firstY], [lastX, lastY]] = training as [
    [number, number],
    [number, number],
  ];
  // Half the bits, so twice as near to the axis at the bottom; right end last.
  const axis = 2 * lastY - firstY;
  assert(firstX < lastX && firstY < lastY);
  assertEquals(heldOut, [[
    lastX,
    Number((axis - 2.5 / 2 * (axis - lastY)).toFixed(1)),
  ]]);
  assertMatch(html, /<dd>2\.500<\/dd><dt>held-out bits per byte/);
  assertMatch(html, /12\.3 kB\/s/);
  assert(!html.includes("NaN"));
});

Deno.test("reportHtml() draws long runs with at most a point a pixel", () => {
  const events = Array.from(
    { length: 10_000 },
    (_, i) => step(i + 1, 1 + 1 / i),
  );
  const [training] = curves(
    reportHtml({ title: "run", events: events.slice(1) }),
  );
  assert(training!.length > 300 && training!.length <= 720);
  training!.slice(1).forEach(([x], i) => assert(x! >= training![i]![0]!));
});

Deno.test("reportHtml() shows patches with entropies, and escapes the text", () => {
  const bytes = new TextEncoder().encode("<i>&\n");
  const html = reportHtml({
    title: "run",
    events: [],
    sample: {
      bytes,
      patches: [
        { start: 0, length: 3, entropies: [0, 1.25, 9] },
        { start: 3, length: 2, entropies: [2, 0] },
      ],
      levels: [[{ start: 0, length: 3 }, { start: 3, length: 2 }]],
    },
  });
  assertMatch(
    html,
    /<span class="patch"><i class="e0" title="0.00 nats">&lt;<\/i><i class="e2" title="1.25 nats">i<\/i><i class="e9" title="9.00 nats">&gt;<\/i><\/span>\|\|<span class="patch"><i class="e4" title="2.00 nats">&amp;<\/i><i class="e0" title="0.00 nats">↵<br><\/i><\/span>/,
  );
});

Deno.test("reportHtml() shows patches with probabilities", () => {
  const bytes = new TextEncoder().encode("ab");
  const patches = [{ start: 0, length: 2, probabilities: [1, 0.25] }];
  const html = reportHtml({
    title: "run",
    events: [],
    sample: { bytes, patches, levels: [] },
  });
  assertMatch(
    html,
    /<i class="e9" title="probability 1.00">a<\/i><i class="e2" title="probability 0.25">b<\/i>/,
  );
});

Deno.test("reportHtml() shows nothing of anybody's that is no text", () => {
  const evil = `<script>alert("1")</script>'"\u001b[2J\u202e`;
  const start = {
    kind: "start",
    device: evil,
    model: evil,
    parameters: { compute: 1, lookup: 1 },
    flopsPerByte: 1,
    trainBytes: 1,
    heldOutBytes: 1,
    steps: 1,
    batch: 1,
    context: 1,
  } as const;
  const strange = [
    ...["step", "evaluation", "start", "no kind", "__proto__"].map((kind) => ({
      ...start,
      ...step(1, 1),
      kind,
      bitsPerByte: evil,
      step: evil,
    })),
    { ...step(1, 1), phase: evil },
    { ...step(1, 1), steps: evil },
    { ...step(1, 1), more: { a: evil } },
    { ...step(1, 1), meanPatchBytes: { toFixed: evil } },
    { ...step(1, 1), extra: evil },
    { kind: "evaluation", step: 1, bitsPerByte: 1, bytes: [evil] },
    ...[null, 5, evil, [step(1, 1)], {}],
  ];
  const lines = [...strange, start, step(1, 0), step(2, 0)]
    .map((each) => JSON.stringify(each)).join("\n");
  const events = parseEvents(lines);
  assertEquals(events, [start, step(1, 0), step(2, 0)]);
  const html = reportHtml({ title: evil, events });
  const shown =
    "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&quot;⟨1b⟩[2J⟨e2⟩⟨80⟩⟨ae⟩";
  assertMatch(html, /<svg/);
  for (const [before, after] of [["<h1>", "</h1>"], ["<title>", "<"]]) {
    assert(html.includes(`${before}${shown}${after}`), html);
  }
  assert(html.includes(`<p>${shown} on ${shown}</p>`), html);
  // deno-lint-ignore no-control-regex
  assert(!/<script|NaN|undefined|[\x00-\x09\x0b-\x1f\u202e]/.test(html));
});

Deno.test("parseEvents() leaves out a line that was cut off", () => {
  const events = [step(1, 2), step(2, 1)];
  const lines = events.map((event) => JSON.stringify(event)).join("\n");
  assertEquals(parseEvents(`${lines}\n`), events);
  assertEquals(parseEvents(lines.slice(0, -5)), events.slice(0, 1));
});
