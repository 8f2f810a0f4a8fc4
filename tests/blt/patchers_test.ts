import { assertEquals, assertThrows } from "@std/assert";
import { BOS, encode, EOS } from "../../blt/bytes.ts";
import type { PatcherConfig } from "../../blt/patcher_config.ts";
import { Patcher, type PatcherRow, patchStarts } from "../../blt/patchers.ts";
import { patchLengths } from "../../blt/patching.ts";
import { type Draw, forAll } from "../support/for_all.ts";

const RULES: readonly PatcherConfig[] = [
  { kind: "entropy", threshold: 1.5 },
  { kind: "relative", threshold: 0.5 },
  { kind: "relative", threshold: 0.5, meta: true },
  { kind: "both", threshold: 1.5, increase: 0.1 },
  { kind: "both", threshold: 1.5, increase: 0.1, meta: true },
  { kind: "static", bytes: 3 },
  { kind: "space" },
  { kind: "byte" },
  { kind: "custom", ends: (id, previous) => id + previous > 300 },
];

/** Position in its document, id there and before, entropy there and before. */
interface At {
  readonly p: number;
  readonly id: number;
  readonly previous: number;
  readonly entropy: number;
  readonly before: number;
}

/** Whether the position after `p` >= 1 starts a patch, read off the text. */
function startsAfter(config: PatcherConfig, at: At): boolean {
  const { p, id, previous, entropy, before } = at;
  const spaceLike = (id: number): boolean =>
    !/[0-9A-Za-z\x80-\xbf]/.test(String.fromCharCode(id - 4));
  switch (config.kind) {
    case "entropy":
      return entropy > config.threshold;
    case "relative":
      if (config.meta && p === 1) return true;
      return p >= 2 && entropy - before > config.threshold;
    case "both":
      if (config.meta && p <= 2) return p === 1;
      return p >= 2 && entropy > config.threshold &&
        entropy - before > config.increase;
    case "static":
      return p % config.bytes === 0;
    case "space":
      return id < 4 || (spaceLike(id) && !spaceLike(previous));
    case "byte":
      return true;
    case "custom":
      return config.ends(id, previous);
  }
}

/** Starts of each document alone, joined; then long patches cut from the left. */
function startsByDefinition(row: PatcherRow, config: PatcherConfig): number[] {
  const ids = [...row.ids];
  const entropies = [...row.entropies ?? []];
  const starts = [
    1,
    ...ids.map((id, p) => {
      const document = Math.max(0, ids.lastIndexOf(BOS, p));
      const at: At = {
        p: p - document,
        id,
        previous: ids[p - 1] ?? 0,
        entropy: entropies[p] ?? NaN,
        before: entropies[p - 1] ?? NaN,
      };
      return Number(p === document || id === EOS || startsAfter(config, at));
    }),
  ];
  // The flag after the row counts as a position, as it may close a patch.
  const lengths = [...patchLengths(Uint8Array.of(...starts, 0))];
  const most = config.maxBytes ?? Infinity;
  return lengths.flatMap((length) =>
    Array.from({ length }, (_, i) => Number(i === 0 || i % most === 0))
  );
}

/** One to three documents, the first perhaps without BOS, the last without EOS. */
function drawRow(rng: Draw): Required<PatcherRow> {
  const ids: number[] = rng.uniform() < 0.2 ? [80] : [BOS];
  for (let length = rng.integer(0, 40); length > 0; length--) {
    if (ids.at(-1) === EOS) ids.push(rng.uniform() < 0.8 ? BOS : 80);
    else ids.push(rng.uniform() < 0.05 ? EOS : rng.integer(3, 260));
  }
  return {
    ids: Uint32Array.from(ids),
    // On a grid, so that ties with the thresholds happen.
    entropies: Float32Array.from(ids, () => rng.integer(0, 30) / 8),
  };
}

/** Lengths that count the unseen id, as in Meta's implementation. */
function metaLengths(row: PatcherRow, config: PatcherConfig): string {
  return patchLengths(Uint8Array.of(...patchStarts(row, config), 0)).join(" ");
}

for (const rule of RULES) {
  for (const config of [rule, { ...rule, maxBytes: 4 }]) {
    const name = JSON.stringify(config);

    Deno.test(`patchStarts() is the definition: ${name}`, () => {
      forAll(drawRow, (row) => {
        assertEquals(
          [...patchStarts(row, config)],
          startsByDefinition(row, config),
        );
      }, 300);
    });

    Deno.test(`patchStarts() of a prefix is a prefix: ${name}`, () => {
      forAll(drawRow, ({ ids, entropies }) => {
        const whole = patchStarts({ ids, entropies }, config);
        for (let n = 0; n <= ids.length; n++) {
          const row = {
            ids: ids.subarray(0, n),
            entropies: entropies.subarray(0, n),
          };
          assertEquals(patchStarts(row, config), whole.subarray(0, n + 1));
        }
      });
    });
  }
}

Deno.test("patchStarts() has the patchings of Meta's implementation", () => {
  const row = {
    ids: encode("abcdefg", { eos: false }),
    entropies: Float32Array.of(3.0, 0.5, 2.0, 1.0, 0.2, 1.9, 0.3, 2.5),
  };
  const threshold = 1.5;
  const golden: [PatcherConfig, string][] = [
    [{ kind: "entropy", threshold }, "1 2 3 2 1"],
    [{ kind: "relative", threshold: 0.5, meta: true }, "1 1 1 3 2 1"],
    [{ kind: "both", threshold, increase: 0, meta: true }, "1 1 4 2 1"],
    [{ kind: "entropy", threshold, maxBytes: 2 }, "1 2 2 1 2 1"],
  ];
  for (const [config, lengths] of golden) {
    assertEquals(metaLengths(row, config), lengths);
  }
  const lengths = patchLengths(patchStarts(row, golden[0]![0]));
  assertEquals([...lengths], [1, 2, 3, 2]);
});

Deno.test("patchStarts() by space has the lengths of Meta's implementation", () => {
  const ids = encode("Hi, I'm  a bö!", { eos: false });
  assertEquals(metaLengths({ ids }, { kind: "space" }), "1 3 3 2 3 2 2 1");
});

Deno.test("patchStarts() without meta forces and forbids no byte", () => {
  const row = {
    ids: encode("abc", { eos: false }),
    entropies: Float32Array.of(0, 1, 2, 3),
  };
  const relative: PatcherConfig = { kind: "relative", threshold: 0.5 };
  const both: PatcherConfig = { kind: "both", threshold: 1, increase: 0 };
  assertEquals([...patchStarts(row, relative)], [1, 1, 0, 1, 1]);
  assertEquals([...patchStarts(row, both)], [1, 1, 0, 1, 1]);
});

Deno.test("patchStarts() compares strictly and in float32", () => {
  const ids = Uint32Array.of(BOS, 80);
  const entropies = Float32Array.of(0, 1.1);
  const starts = patchStarts({ ids, entropies }, {
    kind: "entropy",
    threshold: 1.1,
  });
  assertEquals([...starts], [1, 1, 0]);
});

Deno.test("patchStarts() cuts no patch above the maximum", () => {
  forAll(drawRow, (row) => {
    for (const maxBytes of [1, 2, 7]) {
      const config: PatcherConfig = { kind: "space", maxBytes };
      const lengths = patchLengths(patchStarts(row, config));
      assertEquals(lengths.filter((length) => length > maxBytes).length, 0);
    }
  });
});

Deno.test("patchStarts() of the shortest rows", () => {
  for (const config of RULES) {
    const flags = (...ids: number[]): number[] => {
      const entropies = new Float32Array(ids.length);
      return [
        ...patchStarts({ ids: Uint32Array.from(ids), entropies }, config),
      ];
    };
    assertEquals(flags(), [1]);
    assertEquals(flags(BOS), [1, 1]);
    assertEquals(flags(80), [1, 1]);
    assertEquals(flags(BOS, EOS), [1, 1, 1]);
  }
});

Deno.test("patchStarts() takes invalid UTF-8 and one byte over and over", () => {
  const invalid = encode(Uint8Array.of(0xff, 0xc3, 0x20, 0xf0, 0x9f));
  assertEquals([...patchStarts({ ids: invalid }, { kind: "space" })], [
    ...[1, 1, 0, 0, 0, 0, 0, 1],
  ]);
  const ids = encode("a".repeat(9), { eos: false });
  const entropies = new Float32Array(10).fill(1);
  const starts = patchStarts({ ids, entropies }, {
    kind: "entropy",
    threshold: 1,
    maxBytes: 4,
  });
  assertEquals([...starts], [1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
});

Deno.test("Patcher.push() decides as patchStarts(), one id at a time", () => {
  forAll(drawRow, ({ ids, entropies }) => {
    const config: PatcherConfig = {
      kind: "both",
      threshold: 1,
      increase: 0,
      maxBytes: 5,
    };
    const patcher = new Patcher(config);
    const pushed = [...ids].map((id, p) => patcher.push(id, entropies[p]!));
    const starts = patchStarts({ ids, entropies }, config);
    assertEquals(pushed.map(Number), [...starts.subarray(1)]);
  });
});

Deno.test("patchStarts() rejects entropies that are missing or not finite", () => {
  const ids = Uint32Array.of(BOS, 80);
  const config: PatcherConfig = { kind: "entropy", threshold: 1 };
  const rejected: [Float32Array | undefined, string][] = [
    [undefined, "there must be 2 entropies, got none"],
    [new Float32Array(3), "there must be 2 entropies, got 3"],
    [Float32Array.of(0, NaN), "it must be finite, got NaN"],
    [Float32Array.of(0, Infinity), "it must be finite, got Infinity"],
  ];
  for (const [entropies, message] of rejected) {
    const row = entropies === undefined ? { ids } : { ids, entropies };
    assertThrows(
      () => patchStarts(row, config),
      RangeError,
      `Cannot patch by entropy: ${message}`,
    );
  }
});

Deno.test("patchStarts() rejects a BOS whose start nothing announces", () => {
  const ids = Uint32Array.of(BOS, 80, BOS);
  assertThrows(
    () => patchStarts({ ids }, { kind: "byte" }),
    RangeError,
    "Cannot patch a BOS inside a row: it must follow EOS (2), got 80",
  );
});
