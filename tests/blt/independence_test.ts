import { assertEquals } from "@std/assert";
import { bltPreset, encode } from "../../blt/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import {
  blt,
  bytes,
  drawRow,
  type Outcome,
  patchers,
  type Subject,
} from "./subject.ts";

/** Models to prove, by name: one for each way in which patches can restart. */
const subjects: Readonly<Record<string, (device: Device) => Subject>> = {
  ByteTransformer: bytes,
  "Blt of a preset's size": (device): Subject => {
    const patcher = patchers["space"]!;
    return blt(device, patcher, { config: bltPreset("nano", patcher) });
  },
  ...Object.fromEntries(
    ["entropy", "relative", "both", "static", "space, at most 2 bytes"].map(
      (name) => [
        `Blt with patches by ${name}`,
        (device: Device): Subject => blt(device, patchers[name]!),
      ],
    ),
  ),
};

function assertSame(actual: Outcome, expected: Outcome, what: string): void {
  assertEquals(actual.starts, expected.starts, what);
  assertEquals(actual.logits, expected.logits, what);
}

/** The part of a row's outcome that belongs to its ids from `from` to `to`. */
function part({ starts, logits }: Outcome, from: number, to: number): Outcome {
  return {
    starts: starts.subarray(from, to + 1),
    logits: logits.subarray(260 * from, 260 * to),
  };
}

for (const [name, make] of Object.entries(subjects)) {
  deviceTest(`${name} treats a row alike in every batch`, async (device) => {
    const subject = make(device);
    const draw = new Draw(3);
    const rows = [17, 1, 200, 5, 31, 150].map((n) => drawRow(draw, n));
    // One that begins inside a document.
    rows[3] = rows[3]!.subarray(1);
    const alone: Outcome[] = [];
    for (const row of rows) alone.push(...await subject([row]));
    // The patches of six rows fill up to a larger count than those of one.
    for (const order of [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 3, 2]]) {
      const together = await subject(order.map((i) => rows[i]!));
      order.forEach((i, at) =>
        assertSame(together[at]!, alone[i]!, `row ${i} at ${at}`)
      );
    }
  });

  deviceTest(`${name} keeps documents in a row apart`, async (device) => {
    const subject = make(device);
    const documents = ["a cab", "", "bad  dab", "c"].map((it) => encode(it));
    const row = Uint32Array.from(documents.flatMap((ids) => [...ids]));
    const [packed] = await subject([row]);
    let at = 0;
    for (const [i, ids] of documents.entries()) {
      const [alone] = await subject([ids]);
      const found = part(packed!, at, at += ids.length);
      assertSame(found, alone!, `document ${i}`);
    }
  });
}
