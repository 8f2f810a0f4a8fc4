import { assert, assertEquals, assertGreater } from "@std/assert";
import { BOS, encode, EOS } from "../../blt/mod.ts";
import { type Device, Scope } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { agreeing, type Leaks, leaksOf, NONE, search } from "./leaks.ts";
import { drawRow, type Outcome, type Subject } from "./subject.ts";

/** Puts the model of a proof on a device. */
export type Make = (device: Device) => Subject | Promise<Subject>;

/** Lengths of the rows of a search; the slower device gets fewer. */
function lengthsFor(device: Device): readonly number[] {
  return device.kind === "cpu" ? [2, 3, 7, 12, 17, 24, 31] : [3, 19];
}

/**
 * A change moves nothing in front of it. At least `moves` changes must move a
 * later start on the processor, or the proof shows little.
 */
export function proveCausal(name: string, make: Make, moves: number): void {
  deviceTest(`${name} does not see ahead`, async (device) => {
    const leaks = await search(await make(device), lengthsFor(device));
    const cases = device.kind === "cpu" ? 89 : 20;
    assertEquals({ ...leaks, moved: 0 }, { ...NONE, cases });
    if (device.kind === "cpu") assertGreater(leaks.moved, moves - 1);
  });
}

/** The run of a prefix is the prefix of the run. */
export function provePrefix(name: string, make: Make): void {
  deviceTest(
    `${name} says of a prefix what it says of the row`,
    async (device) => {
      const subject = await make(device);
      const row = drawRow(new Draw(99), device.kind === "cpu" ? 24 : 9);
      const [whole] = await subject([row]);
      for (let length = 1; length < row.length; length++) {
        const [part] = await subject([row.subarray(0, length)]);
        assertEquals(agreeing(part!, whole!), length);
        assertEquals(part!.starts, whole!.starts.subarray(0, length + 1));
      }
    },
  );
}

function assertSame(actual: Outcome, expected: Outcome, what: string): void {
  assertEquals(actual.starts, expected.starts, what);
  assertEquals(actual.logits, expected.logits, what);
}

/** A row's outcome does not depend on the rows beside it. */
export function proveIndependent(name: string, make: Make): void {
  deviceTest(`${name} treats a row alike in every batch`, async (device) => {
    const subject = await make(device);
    const draw = new Draw(3);
    const rows = [17, 1, 200, 5, 31, 150].map((n) => drawRow(draw, n));
    // One that begins inside a document.
    rows[3] = rows[3]!.subarray(1);
    const alone: Outcome[] = [];
    for (const row of rows) alone.push(...await subject([row]));
    // The patches of six rows fill up to a larger count than those of one.
    const orders = [[5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5], [3, 3, 2]];
    for (const order of orders.slice(0, device.kind === "cpu" ? 3 : 1)) {
      const together = await subject(order.map((i) => rows[i]!));
      order.forEach((i, at) =>
        assertSame(together[at]!, alone[i]!, `row ${i} at ${at}`)
      );
    }
  });
}

/**
 * Documents that share a row have the outcomes of their own rows; without
 * `ends`, but for the logits of what follows a document.
 */
export function proveApart(name: string, make: Make, ends = true): void {
  deviceTest(`${name} keeps documents in a row apart`, async (device) => {
    const subject = await make(device);
    const documents = ["a cab", "", "bad  dab", "c"].map((it) => encode(it));
    const row = Uint32Array.from(documents.flatMap((ids) => [...ids]));
    const [packed] = await subject([row]);
    const part = (
      { starts, logits }: Outcome,
      at: number,
      n: number,
    ): Outcome => ({
      starts: starts.subarray(at + 1, at + n + 1),
      logits: logits.subarray(260 * at, 260 * (at + n)),
    });
    let at = 0;
    for (const [i, ids] of documents.entries()) {
      const [alone] = await subject([ids]);
      const length = ends ? ids.length : ids.length - 1;
      const found = part(packed!, at, length);
      assertSame(found, part(alone!, 0, length), `document ${i}`);
      at += ids.length;
    }
  });
}

/** Leaks of a model, each row alone in its batch. */
async function leaksAlone(device: Device, make: Make): Promise<Leaks> {
  const subject = await make(device);
  const alone: Subject = async (rows) => {
    const outcomes = [];
    for (const row of rows) outcomes.push(...await subject([row]));
    return outcomes;
  };
  return await search(alone, device.kind === "cpu" ? [19, 24] : [12]);
}

/** A change moves nothing in front of it by way of the batch. */
export function proveUnawareOfBatch(name: string, make: Make): void {
  deviceTest(`${name} does not know its batch`, async (device) => {
    const leaks = await leaksAlone(device, make);
    assertEquals(leaks.logits + leaks.starts, 0);
    assertGreater(leaks.moved, leaks.cases / 10);
  });
}

/** The proofs notice that a model is not causal, whatever the device. */
export function proveLeaking(name: string, make: Make): void {
  Deno.test(`${name} is seen to see ahead`, async () => {
    using _scope = new Scope();
    const leaks = await leaksAlone(devices[0]!, make);
    assertGreater(leaks.logits, leaks.cases / 20);
  });
}

/** Rows that are short, empty, repetitive, or no text at all. */
const EDGES: Readonly<Record<string, Uint32Array>> = {
  "BOS alone": Uint32Array.of(BOS),
  "one byte": encode("a", { eos: false }),
  "an empty text": encode(""),
  "EOS inside": Uint32Array.of(BOS, 101, 102, EOS, 103, 104, 105),
  "one byte repeated": encode("a".repeat(20)),
  "spaces": encode(" ".repeat(9)),
  "invalid UTF-8": encode(Uint8Array.of(0xff, 0xc0, 0x80, 0xfe, 0, 0xed, 0xa0)),
  "a code point cut in two": encode(Uint8Array.of(0x61, 0xf0, 0x9f, 0xa5)),
};

/** Unusual rows have finite logits that do not see ahead. */
export function proveUnusual(name: string, make: Make): void {
  deviceTest(`${name} takes unusual rows`, async (device) => {
    const subject = await make(device);
    for (const [what, row] of Object.entries(EDGES)) {
      const leaks = await leaksOf(subject, row, new Draw(1));
      assertEquals(leaks.logits + leaks.starts, 0, what);
      const [{ logits } = { logits: [] }] = await subject([row]);
      assertEquals(logits.length, 260 * row.length);
      assert(logits.every(Number.isFinite), what);
    }
  });
}
