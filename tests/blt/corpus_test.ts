import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import {
  Batches,
  byteCount,
  type Document,
  fingerprint,
  splitCorpus,
  tokenStream,
  windows,
} from "../../blt/corpus.ts";
import { BOS, BYTE_OFFSET, EOS } from "../../blt/bytes.ts";
import { patchStarts } from "../../blt/patchers.ts";
import { Rng } from "../../tensor/mod.ts";
import { type Draw, forAll } from "../support/for_all.ts";

function document(name: string, ...bytes: number[]): Document {
  return { name, bytes: Uint8Array.from(bytes) };
}

/** Up to 12 short documents, the first one never empty. */
function drawDocuments(draw: Draw): Document[] {
  return Array.from({ length: draw.integer(1, 13) }, (_, i) => ({
    name: String(i),
    bytes: Uint8Array.from(
      { length: draw.integer(i === 0 ? 2 : 0, 20) },
      () => draw.integer(0, 256),
    ),
  }));
}

Deno.test("tokenStream() puts each document between BOS and EOS", () => {
  const documents = [document("a", 0, 255), document("none"), document("b", 7)];
  assertEquals(
    [...tokenStream(documents)],
    [BOS, BYTE_OFFSET, 259, EOS, BOS, 7 + BYTE_OFFSET, EOS],
  );
  assertEquals(byteCount(tokenStream(documents)), 3);
});

Deno.test("splitCorpus() holds out the end of each document", () => {
  const { training, heldOut } = splitCorpus([
    { name: "long", bytes: new Uint8Array(1000).fill(1, 950) },
    document("short", 1, 2, 3),
    document("one", 5),
    document("none"),
  ]);
  assertEquals(
    training.map(({ name, bytes }) => [name, bytes.length]),
    [["long", 950], ["short", 2], ["one", 1]],
  );
  assertEquals(heldOut, [
    { name: "long", bytes: new Uint8Array(50).fill(1) },
    document("short", 3),
  ]);
});

Deno.test("splitCorpus() loses no byte", () => {
  forAll(drawDocuments, (documents) => {
    const { training, heldOut } = splitCorpus(documents, 0.3);
    assert(training.length > 0 && heldOut.length > 0);
    for (const { name, bytes } of documents) {
      const parts = [...training, ...heldOut]
        .filter((part) => part.name === name);
      assertEquals(parts.flatMap((part) => [...part.bytes]), [...bytes]);
    }
  });
});

Deno.test("splitCorpus() refuses what cannot be learnt from", () => {
  for (
    const [documents, message] of [
      [[], "no documents"],
      [[document("a.txt"), document("b.txt")], "a.txt, b.txt"],
      [[document("a.txt", 1)], "at least 2 bytes, got 1"],
    ] as const
  ) {
    assertThrows(() => splitCorpus(documents), RangeError, message);
  }
  for (const share of [0, 1, NaN]) {
    assertThrows(
      () => splitCorpus([document("a", 1, 2)], share),
      RangeError,
      `got ${share}`,
    );
  }
});

Deno.test("Batches has rows whose targets are the next ids", () => {
  forAll(drawDocuments, (documents) => {
    const stream = tokenStream(documents);
    const context = Math.min(10, stream.length - 1);
    const batches = new Batches(stream, { rows: 3, context }, new Rng(1));
    for (let i = 0; i < 5; i++) {
      const { ids, targets, offsets } = batches.next();
      assertEquals([ids.length, targets.length], [3 * context, 3 * context]);
      offsets.forEach((offset, row) => {
        const from = row * context;
        const to = from + context;
        assertEquals(
          targets.subarray(from, to),
          stream.subarray(offset, offset + context),
        );
        assertEquals(
          [...ids.subarray(from, to)],
          [BOS, ...targets.subarray(from, to - 1)],
        );
        // Throws when a BOS follows anything but EOS.
        patchStarts({ ids: ids.subarray(from, to) }, { kind: "byte" });
      });
    }
  });
});

Deno.test("Batches reaches every row of the stream", () => {
  const stream = tokenStream([document("a", 1, 2), document("b", 3)]);
  const batches = new Batches(stream, { rows: 100, context: 3 }, new Rng(1));
  const { offsets } = batches.next();
  assertEquals([...new Set(offsets)].sort(), [1, 2, 3]);
});

Deno.test("Batches continues from its state", () => {
  const stream = tokenStream([{ name: "a", bytes: new Uint8Array(500) }]);
  const shape = { rows: 4, context: 16 };
  const batches = new Batches(stream, shape, new Rng(3));
  const first = batches.next();
  const state = JSON.parse(JSON.stringify(batches.state));
  const second = batches.next();
  assertNotEquals(second.offsets, first.offsets);
  const resumed = new Batches(stream, shape, Rng.restore(state));
  assertEquals(resumed.next(), second);
});

Deno.test("Batches refuses a context longer than the data", () => {
  const stream = tokenStream([document("a", 1, 2)]);
  new Batches(stream, { rows: 1, context: 3 }, new Rng(0)).next();
  assertThrows(
    () => new Batches(stream, { rows: 1, context: 4 }, new Rng(0)),
    RangeError,
    "at most 3 for this data, got 4",
  );
  assertThrows(
    () => new Batches(stream, { rows: 0, context: 2 }, new Rng(0)),
    RangeError,
    "rows must be an integer >= 1, got 0",
  );
});

Deno.test("windows() cover a stream exactly once", () => {
  forAll(drawDocuments, (documents) => {
    const stream = tokenStream(documents);
    for (const context of [1, 3, 10, 1000]) {
      const covered = new Uint8Array(stream.length);
      for (const { ids, targets, offsets } of windows(stream, context)) {
        const offset = offsets[0]!;
        assert(targets.length > 0 && targets.length <= context);
        assertEquals([...ids], [BOS, ...targets.subarray(0, -1)]);
        patchStarts({ ids }, { kind: "byte" });
        targets.forEach((id, i) => {
          assertEquals(id, stream[offset + i]);
          covered[offset + i]!++;
        });
      }
      stream.forEach((id, i) => {
        assert(covered[i] === 1 || covered[i] === 0 && id === BOS);
      });
    }
  });
});

Deno.test("fingerprint() gives the known value and tells streams apart", () => {
  // FNV-1a of no data, and of the byte "a", as published.
  assertEquals(fingerprint(new Uint32Array()), 0x811c9dc5);
  assertEquals(fingerprint(Uint32Array.of(97)), 0xe40c292c);
  assertEquals(fingerprint(Uint32Array.of(98)) === 0xe40c292c, false);
});

Deno.test("splitCorpus() names some of many documents", () => {
  const bytes = Uint8Array.of(97);
  const documents = Array.from(
    { length: 100_000 },
    (_, i) => ({ name: `texts/${i}`, bytes }),
  );
  const { message } = assertThrows(() => splitCorpus(documents), RangeError);
  assertEquals(
    message,
    "Cannot learn from texts/0, texts/1, texts/2, texts/3, texts/4, texts/5, texts/6, texts/7 and 99992 more: expected a document of at least 2 bytes, got 1",
  );
});
