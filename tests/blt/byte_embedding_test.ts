import { assertEquals } from "@std/assert";
import { ByteEmbedding, byteInputs, encode, ngramRows } from "../../blt/mod.ts";
import { parameters, placeWeights } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const NGRAMS = { sizes: [2, 4], functions: 2, rows: 11 };
const DIM = 3;

deviceTest(
  "ByteEmbedding adds the vectors of a byte and of its n-grams",
  async (device) => {
    const ids = encode("abab");
    const embedding = new ByteEmbedding(DIM, NGRAMS, new Rng(1));
    const tables = [...parameters(embedding)].map(([, { shape, initial }]) => ({
      shape,
      row: (i: number): Float32Array => initial.slice(i * DIM, (i + 1) * DIM),
    }));
    const [tokens, ngrams] = tables;
    assertEquals(tables.map(({ shape }) => shape), [[260, DIM], [44, DIM]]);
    const rows = ngramRows(ids, NGRAMS, { stacked: true });
    const expected = [...ids].flatMap((id, p) => {
      const grams = [...rows.subarray(4 * p, 4 * p + 4)].map((i) =>
        ngrams!.row(i)
      );
      return [...tokens!.row(id)].map((own, j) =>
        grams.reduce((sum, row) => sum + row[j]!, own)
      );
    });
    placeWeights(embedding, device);
    const lengths = [ids.length];
    const inputs = byteInputs(device, { ids, lengths }, NGRAMS, false);
    assertClose(await embedding.forward(inputs).data(), expected, sumOf(5));
  },
);

deviceTest(
  "ByteEmbedding without n-grams is a table of bytes",
  async (device) => {
    const embedding = new ByteEmbedding(DIM, undefined, new Rng(1));
    assertEquals(embedding.ngrams, undefined);
    const table = embedding.tokens.table.initial;
    placeWeights(embedding, device);
    const ids = Uint32Array.of(259, 0);
    const inputs = byteInputs(device, { ids, lengths: [2] }, undefined, false);
    assertEquals(
      [...await embedding.forward(inputs).data()],
      [...table.subarray(-DIM), ...table.subarray(0, DIM)],
    );
  },
);
