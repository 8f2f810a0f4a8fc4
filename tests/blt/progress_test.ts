import { assertEquals, assertLess, assertMatch } from "@std/assert";
import {
  duration,
  eventText,
  resultText,
  type Screen,
  short,
  sparkline,
  stepLine,
  TrainDisplay,
} from "../../blt/progress.ts";
import type { StepEvent } from "../../blt/train_event.ts";

const STEP: StepEvent = {
  kind: "step",
  phase: "model",
  step: 20,
  steps: 200,
  loss: 2.1234,
  bitsPerByte: 3.0634,
  gradientNorm: 0.912,
  lr: 4e-4,
  bytesPerSecond: 12_345,
  secondsLeft: 130,
  meanPatchBytes: 4.48,
};

/** A screen whose text and clock a test controls. */
class FakeScreen implements Screen {
  text = "";
  time = 0;
  readonly #columns: number | undefined;

  constructor(columns?: number) {
    this.#columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  columns(): number | undefined {
    return this.#columns;
  }

  now(): number {
    return this.time;
  }
}

Deno.test("stepLine() tells all, or what fits", () => {
  assertEquals(
    stepLine(STEP),
    "model 20/200  3.063 bits per byte  2 min 10 s left  12.3 kB/s  loss 2.123" +
      "  4.48 bytes per patch  gradient 0.91  lr 0.000400",
  );
  for (let columns = 0; columns < 150; columns++) {
    const line = stepLine(STEP, columns);
    assertLess(line.length, columns + 1);
    assertEquals(line, stepLine(STEP).slice(0, line.length));
    if (columns < 12) continue;
    // As many fields as have room.
    const whole = `${stepLine(STEP)}  `;
    const fits = whole.lastIndexOf("  ", columns);
    assertEquals(line.length, Math.min(fits, whole.length - 2), `${columns}`);
  }
  assertEquals(stepLine(STEP, 40), "model 20/200  3.063 bits per byte");
});

Deno.test("TrainDisplay shows work that is no step at once, then now and then", () => {
  const lines = new FakeScreen();
  const live = new FakeScreen(30);
  const displays = [new TrainDisplay(lines), new TrainDisplay(live)];
  for (const [seconds, done] of [[0, 0], [1, 1000], [9, 2000], [11, 3000]]) {
    lines.time = 1000 * seconds!;
    for (const display of displays) {
      display.show({
        kind: "progress",
        what: "entropies",
        done: done!,
        total: 4000,
      });
    }
  }
  assertEquals(
    lines.text,
    "entropy of every byte: 0 of 4,000, 0 %\n" +
      "entropy of every byte: 3,000 of 4,000, 75 %\n",
  );
  assertEquals(live.text.split("\r").length, 5);
  assertMatch(live.text, /\rentropy of every byte: 3,000 $/);
});

Deno.test("TrainDisplay redraws one line in a terminal", () => {
  const screen = new FakeScreen(40);
  const display = new TrainDisplay(screen);
  display.show(STEP);
  display.show({ ...STEP, step: 21 });
  display.show({ kind: "saved", step: 21 });
  display.line("stopping");
  display.line("soon");
  display.show({ ...STEP, step: 22 });
  const [first, second, third] = [20, 21, 22].map((step) =>
    `\r${`model ${step}/200  3.063 bits per byte`.padEnd(39)}`
  );
  assertEquals(
    screen.text,
    `${first}${second}\nstopping\nsoon\n${third}`,
  );
});

Deno.test("TrainDisplay writes a line every 10 s or 5 % elsewhere", () => {
  const screen = new FakeScreen();
  const display = new TrainDisplay(screen);
  const step = (step: number, time: number): void => {
    screen.time = time;
    display.show({ ...STEP, step });
  };
  step(1, 0);
  step(2, 9_999);
  step(3, 10_000); // time
  step(12, 10_001);
  step(13, 10_002); // 10 of 200 steps
  step(199, 10_003); // many steps at once
  step(200, 10_004); // the last one
  // The next phase begins anew.
  display.show({ ...STEP, step: 9, steps: 200 });
  display.show({ ...STEP, step: 10, steps: 200 });
  const steps = [...screen.text.matchAll(/^model (\d+)\/200/gm)]
    .map((match) => Number(match[1]));
  assertEquals(steps, [1, 3, 13, 199, 200, 10]);
});

Deno.test("TrainDisplay shows nothing that commands a terminal", () => {
  const screen = new FakeScreen();
  const display = new TrainDisplay(screen);
  display.show({ kind: "warning", text: "a\u001b[2J\u009b" });
  display.line("run\u001b[31m");
  display.show({ kind: "sample", bytes: Uint8Array.of(27, 10, 65) });
  assertEquals(
    screen.text,
    "warning: a⟨1b⟩[2J⟨c2⟩⟨9b⟩\nrun⟨1b⟩[31m\nsample:\n⟨1b⟩\nA\n",
  );
});

Deno.test("TrainDisplay ends with a sparkline of the model in a terminal", () => {
  const screen = new FakeScreen(80);
  const display = new TrainDisplay(screen);
  display.show({ ...STEP, phase: "entropy model", loss: 100 });
  for (const loss of [5, 3, 1]) display.show({ ...STEP, loss });
  screen.text = "";
  display.finish();
  assertEquals(screen.text, "\nloss 5.00 █▅▁ 1.00\n");

  const plain = new FakeScreen();
  new TrainDisplay(plain).finish();
  assertEquals(plain.text, "");
});

Deno.test("eventText() tells sizes, thresholds, evaluations and samples", () => {
  assertEquals(
    eventText({
      kind: "start",
      device: "cpu",
      model: "BLT nano",
      parameters: { compute: 912_345, lookup: 786_432 },
      flopsPerByte: 1_234_567,
      trainBytes: 1_144_747,
      heldOutBytes: 60_250,
      steps: 2000,
      batch: 16,
      context: 256,
      resumedAt: 300,
    }),
    "BLT nano: 912 k parameters that compute, 786 k in tables, 1.23 MFLOP per byte\n" +
      "data: 1,144,747 bytes to learn from, 60,250 held out\n" +
      "2,000 steps of 16 rows of 256 bytes\n" +
      "resumed after step 300",
  );
  assertMatch(
    eventText({ kind: "patcher", threshold: 1.5, target: 4, measured: 4.012 }),
    /1\.500 nats: 4\.01 bytes each, 4 wanted/,
  );
  assertMatch(
    eventText({ kind: "evaluation", step: 7, bitsPerByte: 2.5, bytes: 60_250 }),
    /step 7: 2\.500 bits per byte of 60,250/,
  );
  assertEquals(
    eventText({ kind: "warning", text: "threshold fell" }),
    "warning: threshold fell",
  );
  assertEquals(
    eventText({ kind: "sample", bytes: Uint8Array.of(72, 105, 27, 255) }),
    "sample:\nHi⟨1b⟩⟨ff⟩",
  );
});

Deno.test("resultText() tells what an evaluation found", () => {
  assertEquals(
    resultText({
      bitsPerByte: 2.3456,
      bytes: 60_250,
      meanPatchBytes: 4.4,
      flopsPerByte: 788_000,
    }),
    "2.346 bits per byte of 60,250\n4.40 bytes per patch\n788 kFLOP per byte",
  );
});

Deno.test("sparkline() averages many values and draws few as they are", () => {
  assertEquals(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 80), "▁▂▃▄▅▆▇█");
  assertEquals(sparkline([0, 2, 6, 8], 2), "▁█");
  assertEquals(sparkline([3, 3], 5), "▁▁");
  assertEquals(sparkline(Array.from({ length: 1000 }, () => 1), 7).length, 7);
});

Deno.test("short() has three digits and a unit", () => {
  assertEquals(
    [0, 1, 999, 999.9, 1000, 12_345, 999_600, 1_234_567, 1e15]
      .map((value) => short(value)),
    ["0", "1", "999", "1 k", "1 k", "12.3 k", "1 M", "1.23 M", "1 P"],
  );
  assertEquals([short(5, "B/s"), short(12_345, "B/s")], ["5 B/s", "12.3 kB/s"]);
});

Deno.test("duration() says seconds, minutes and hours", () => {
  assertEquals([0, 59.6, 61, 3599, 3600, 7800].map(duration), [
    ...["0 s", "1 min 0 s", "1 min 1 s"],
    ...["59 min 59 s", "1 h 0 min", "2 h 10 min"],
  ]);
});
