import { assertEquals } from "@std/assert";
import { OpenGroups, Pool, Reader } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  type Device,
  Intervals,
  Rng,
  Scope,
  Segments,
  slice,
  slotsSeeBytes,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";

const DIM = 8;
const SLOTS = 2;

/** More units than there is room for at first, in groups of up to 40. */
const UNITS = 150;
const ENDS = [0, 1, 2, 6, 46, 47, 80, 119, 140];

interface Layers {
  readonly pool: Pool;
  readonly reader: Reader;
  /** [UNITS, DIM] */
  readonly units: Tensor;
}

function layersOn(device: Device): Layers {
  const config = {
    ...{ layers: 2, dim: DIM, heads: 2, hiddenDim: 8 },
    ...{ window: 9, ropeTheta: 10_000 },
  };
  const slots = { slots: SLOTS, residual: 1 } as const;
  const rng = new Rng(1);
  const pool = new Pool(config, slots, rng);
  const reader = new Reader(config, SLOTS * DIM, slots, rng);
  placeWeights({ pool, reader }, device);
  const numbers = new Float32Array(UNITS * DIM);
  rng.fillNormal(numbers, 1);
  return { pool, reader, units: Tensor.from(device, [UNITS, DIM], numbers) };
}

/** Keys and values of the slots of all groups, by layer. */
function whole(
  device: Device,
  { pool, reader, units }: Layers,
): Promise<Float32Array[]> {
  const bounds = Uint32Array.from([0, ...ENDS.map((end) => end + 1)]);
  const starts = bounds.subarray(0, -1);
  const pooled = pool.forward(units, {
    segments: Segments.fromRanges(device, starts, bounds.subarray(1), UNITS),
    slotsSee: Intervals.from(device, slotsSeeBytes(bounds, SLOTS), UNITS),
  });
  return Promise.all(reader.keysValues(pooled).map((rows) => rows.data()));
}

for (const [name, largest] of [["few", 5], ["many", 70]] as const) {
  for (const lookback of [false, true]) {
    deviceTest(
      `OpenGroups lets units read what is closed, ${name} at a time${
        lookback ? ", known late" : ""
      }`,
      async (device) => {
        const layers = layersOn(device);
        const { pool, reader, units } = layers;
        const expected = await whole(device, layers);
        let thought = 0;
        const nothing = Tensor.from(
          device,
          [1, SLOTS * DIM],
          new Float32Array(SLOTS * DIM).fill(0.5),
        );
        const unread = await Promise.all(
          reader.keysValues(nothing).map((rows) => rows.data()),
        );
        const groups = new OpenGroups(
          device,
          DIM,
          { pool, reader },
          (pooled) => {
            thought += pooled.shape[0]!;
            return Promise.resolve(pooled);
          },
          lookback ? nothing : undefined,
        );
        const draw = new Draw(3);
        for (let at = 0; at < UNITS;) {
          using scope = new Scope();
          const count = Math.min(draw.integer(1, largest), UNITS - at);
          // With `lookback` it is told of a unit whether the last was an end.
          const closes = Array.from(
            { length: count },
            (_, i) => ENDS.includes(at + i - Number(lookback)),
          );
          const { keysValues, unitsSee } = await groups.read(
            slice(units, [[at, at + count], [0, DIM]]),
            closes,
            scope,
            { lookback },
          );
          const sees = await unitsSee.ofQueries.indices();
          const found = await Promise.all(keysValues.map((it) => it.data()));
          for (let i = 0; i < count; i++) {
            const known = at + i - Number(lookback);
            const group = ENDS.findLastIndex((end) => end <= known);
            for (const [layer, rows] of found.entries()) {
              const size = SLOTS * 2 * DIM;
              const from = group * size;
              assertClose(
                rows.subarray(
                  2 * DIM * sees[2 * i]!,
                  2 * DIM * sees[2 * i + 1]!,
                ),
                group < 0
                  ? unread[layer]!
                  : expected[layer]!.subarray(from, from + size),
                { absolute: 1e-5, relative: 1e-5 },
                `unit ${at + i}, layer ${layer}, number`,
              );
            }
          }
          at += count;
        }
        assertEquals([groups.closed, thought], [ENDS.length, ENDS.length]);
      },
    );
  }
}
