import { assertEquals, assertThrows } from "@std/assert";
import { BOS, encode, EOS } from "../../blt/bytes.ts";
import {
  type NgramHashConfig,
  NgramHasher,
  ngramRows,
} from "../../blt/ngram_hash.ts";
import { type Draw, forAll } from "../support/for_all.ts";

/** Function, T, n, and rows of BOS `Hello, BLT!` from Meta's implementation. */
const GOLDEN = `
0 500002 3: 443987 124875 393970 386145 358223 190185 141703 484917 321258 125336 233820 269147
0 500002 4: 437197 433869 117936 254402 246577 30240 114083 12253 448125 463424 72068 41565
0 500002 5: 123201 168913 27892 170862 307328 265602 426354 435293 408271 269141 270044 112975
0 500002 6: 166353 160907 92310 405250 48218 280239 83968 362502 281889 304381 189065 372545
0 500002 7: 34117 338221 15158 281878 94816 340137 303839 101668 233170 90223 385651 240882
0 500002 8: 172383 205585 456240 129346 299568 322649 430431 246559 449350 287162 409265 97250
1 500002 3: 45033 214129 1694 65329 10661 145767 494897 288815 266994 283714 183660 378403
0 64 2: 7 21 43 57 0 21 3 44 14 54 56 27
0 64 3: 49 19 46 27 41 3 5 39 18 30 14 13`;

const PRIMES = [
  ...[1000000007n, 5915587277n, 1500450271n, 3267000013n, 5754853343n],
  ...[4093082899n, 9576890767n, 3628273133n, 2860486313n, 5463458053n],
  3367900313n,
];

/** The definition, position by position, in big integers. */
function rowsByDefinition(
  ids: Uint32Array,
  { sizes, functions, rows }: NgramHashConfig,
): number[] {
  const modulus = BigInt(rows);
  return [...ids].flatMap((_, i) =>
    PRIMES.slice(0, functions).flatMap((prime) =>
      sizes.map((size) => {
        const document = Math.max(0, ids.lastIndexOf(BOS, i));
        let hash = 0n;
        for (let j = 0; j < size; j++) {
          const at = i - size + 1 + j;
          const id = at < document ? 0n : BigInt(ids[at]!);
          hash += id * prime ** BigInt(j);
        }
        return Number(
          ((BigInt.asIntN(64, hash) % modulus) + modulus) % modulus,
        );
      })
    )
  );
}

/** Ids with some BOS, and large ones: with bytes alone, carries are too rare. */
function drawIds(rng: Draw, length: number): Uint32Array {
  const id = (): number =>
    rng.uniform() < 0.1
      ? BOS
      : rng.integer(2, rng.uniform() < 0.5 ? 260 : 2 ** 32);
  return Uint32Array.from({ length }, id);
}

Deno.test("ngramRows() has the rows of released models", () => {
  const ids = encode("Hello, BLT!", { eos: false });
  for (const line of GOLDEN.trim().split("\n")) {
    const [table = "", expected = ""] = line.split(": ");
    const [f = 0, rows = 0, size = 0] = table.split(" ").map(Number);
    const all = ngramRows(ids, { sizes: [size], functions: f + 1, rows });
    const column = all.filter((_, i) => i % (f + 1) === f);
    assertEquals(column.join(" "), expected);
  }
});

Deno.test("ngramRows() equals 64-bit integers that wrap", () => {
  forAll((rng) => {
    const rows = [1, 2, 3, 64, 500002, 2 ** 20, 2 ** 21 - 9, 2 ** 21];
    const config: NgramHashConfig = {
      sizes: [1, 2, 3, 5, 8, 13].filter(() => rng.uniform() < 0.7).concat(16),
      functions: rng.integer(1, 12),
      rows: rows[rng.integer(0, rows.length)]!,
    };
    return { ids: drawIds(rng, 30), config };
  }, ({ ids, config }) => {
    assertEquals([...ngramRows(ids, config)], rowsByDefinition(ids, config));
  });
});

Deno.test("ngramRows() stacks tables in the order of columns", () => {
  const config = { sizes: [3, 4], functions: 2, rows: 97 };
  const ids = encode("club sandwich");
  const apart = ngramRows(ids, config);
  const stacked = ngramRows(ids, config, { stacked: true });
  assertEquals(stacked, apart.map((row, i) => i % 4 * 97 + row));
});

Deno.test("ngramRows() of packed documents are those of each alone", () => {
  const config = { sizes: [3, 8], functions: 1, rows: 500002 };
  const [first, second] = [encode("Hello"), encode("BLT")];
  const packed = Uint32Array.of(...first, ...second);
  assertEquals([...ngramRows(packed, config)], [
    ...ngramRows(first, config),
    ...ngramRows(second, config),
  ]);
});

Deno.test("NgramHasher.push() in chunks gives the rows of the whole", () => {
  const config = { sizes: [3, 4, 5, 6, 7, 8], functions: 2, rows: 500002 };
  forAll((rng) => {
    const chunks: Uint32Array[] = [];
    for (let i = 0; i < 8; i++) chunks.push(drawIds(rng, rng.integer(0, 5)));
    return chunks;
  }, (chunks) => {
    const hasher = new NgramHasher(config);
    const whole = Uint32Array.from(chunks.flatMap((chunk) => [...chunk]));
    assertEquals(
      chunks.flatMap((chunk) => [...hasher.push(chunk)]),
      [...ngramRows(whole, config)],
    );
  });
});

Deno.test("ngramRows() of short and repeating rows stay below the table", () => {
  const config = { sizes: [3, 8], functions: 1, rows: 500002 };
  assertEquals(ngramRows(new Uint32Array(0), config).length, 0);
  for (const ids of [[BOS], [4], [BOS, EOS], Array<number>(50).fill(259)]) {
    const rows = ngramRows(Uint32Array.from(ids), config);
    assertEquals(rows.length, 2 * ids.length);
    assertEquals(rows.filter((row) => row >= config.rows).length, 0);
  }
});

Deno.test("NgramHasher names the bad field of its config", () => {
  const config = { sizes: [3, 4], functions: 1, rows: 100 };
  for (
    const [bad, message] of [
      [{ sizes: [] }, "sizes must be ascending integers >= 1, got []"],
      [{ sizes: [4, 3] }, "sizes must be ascending integers >= 1, got [4,3]"],
      [{ sizes: [0, 3] }, "sizes must be ascending integers >= 1, got [0,3]"],
      [{ functions: 12 }, "functions must be an integer from 1 to 11, got 12"],
      [{ rows: 0 }, "rows must be an integer from 1 to 2097152, got 0"],
      [{ rows: 2 ** 21 + 1 }, "from 1 to 2097152, got 2097153"],
      [{ rows: 1.5 }, "from 1 to 2097152, got 1.5"],
    ] as const
  ) {
    assertThrows(
      () => new NgramHasher({ ...config, ...bad }),
      RangeError,
      message,
    );
  }
});
