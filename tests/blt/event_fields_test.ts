import { assertEquals, assertThrows } from "@std/assert";
import { EVENT_FIELD } from "../../blt/event_fields.ts";
import type { TrainEvent } from "../../blt/train_event.ts";

const EVENTS: readonly TrainEvent[] = [
  {
    kind: "start",
    device: "cpu, 2 threads",
    model: "BLT nano",
    parameters: { compute: 1, lookup: 2 },
    flopsPerByte: 1.5,
    trainBytes: 3,
    heldOutBytes: 4,
    steps: 5,
    batch: 6,
    context: 7,
    resumedAt: 0,
  },
  {
    kind: "step",
    phase: "entropy model",
    step: 1,
    steps: 2,
    loss: 5.5,
    bitsPerByte: 8,
    gradientNorm: 0.5,
    lr: 1e-3,
    bytesPerSecond: 1e6,
    secondsLeft: 0,
    meanPatchBytes: 4.25,
    more: { "groups of level 2": 3 },
  },
  { kind: "patcher", threshold: -0.5, target: 4, measured: 3.9 },
  { kind: "evaluation", step: 2, bitsPerByte: 2.5, bytes: 10 },
  { kind: "warning", text: "something is wrong" },
  { kind: "saved", step: 2 },
];

Deno.test("EVENT_FIELD reads every event that metrics keep", () => {
  for (const event of EVENTS) {
    const found: unknown = JSON.parse(JSON.stringify(event));
    assertEquals<unknown>(EVENT_FIELD.read(found, ""), event);
  }
});

Deno.test("EVENT_FIELD refuses numbers and texts that are none", () => {
  for (const event of EVENTS) {
    for (const [name, value] of Object.entries(event)) {
      for (const other of [null, [value], { value }]) {
        assertThrows(
          () => EVENT_FIELD.read({ ...event, [name]: other }, ""),
          SyntaxError,
          `${name}`,
        );
      }
    }
    assertThrows(
      () => EVENT_FIELD.read({ ...event, another: 1 }, ""),
      SyntaxError,
      'alone, got {"another":1}',
    );
  }
  const sample = { kind: "sample", bytes: {} };
  assertThrows(() => EVENT_FIELD.read(sample, ""), SyntaxError, "kind must be");
});
