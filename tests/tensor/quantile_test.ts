import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { ShapeError, Tensor, trackQuantile } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";

const ABOVE = { rule: "above", lookback: false } as const;

/** Distributions of scores, far apart in size, sign and ties. */
const DISTRIBUTIONS: Readonly<Record<string, (draw: Draw) => number>> = {
  uniform: (draw) => draw.uniform(),
  signed: (draw) => 2 * draw.uniform() - 1,
  logarithmic: (draw) => Math.exp(20 * draw.uniform() - 12),
  negative: (draw) => -Math.exp(20 * draw.uniform() - 12),
  tied: (draw) => draw.integer(-2, 3),
  constant: () => 1.5,
  tiny: (draw) => 1e-40 + 1e-30 * draw.uniform(),
};

deviceTest(
  "trackQuantile() begins with the quantile itself",
  async (device) => {
    for (const [name, next] of Object.entries(DISTRIBUTIONS)) {
      for (const quantile of [0, 0.25, 0.75, 1]) {
        const draw = new Draw(7);
        const scores = Float32Array.from({ length: 1201 }, () => next(draw));
        using state = Tensor.from(device, [2], [0, 0]);
        trackQuantile(state, Tensor.from(device, [1201], scores), {
          ...ABOVE,
          documents: Tensor.from(device, [1201], new Uint32Array(1201)),
          quantile,
        });
        // The first two units start groups, whatever the scores say.
        const free = scores.slice(1, -1).sort();
        const still = Math.ceil(1201 * quantile);
        const expected = free[Math.min(Math.max(still, 1), 1199) - 1]!;
        assertEquals([...await state.data()], [expected, 1], name);
      }
    }
  },
);

deviceTest(
  "trackQuantile() stays finite whatever the scores",
  async (device) => {
    const next = async (
      scores: readonly number[],
      quantile: number,
    ): Promise<number[]> => {
      const units = scores.length;
      using state = Tensor.from(device, [2], [0.5, 3]);
      trackQuantile(state, Tensor.from(device, [units], scores), {
        ...ABOVE,
        documents: Tensor.from(device, [units], new Uint32Array(units)),
        quantile,
      });
      return [...await state.data()];
    };
    const [moved, still] = [0.5 + 10 / 13 * (2 - 0.5), 0.5];
    // The sign of NaN must not count.
    for (
      const nan of [NaN, -NaN, new Float32Array(Uint32Array.of(~0).buffer)[0]!]
    ) {
      assertAlmostEquals((await next([0, nan, 2, 1, 0], .4))[0]!, moved, 1e-6);
      assertEquals(await next([0, nan, 2, 1, 0], 1), [still, 3]);
    }
    assertEquals(await next([0, Infinity, 2, 1, 0], 1), [still, 3]);
    assertEquals(await next([0, -Infinity, 2, 1, 0], 0), [still, 3]);
    assertEquals(await next([0, NaN, NaN, NaN, 0], .5), [still, 3]);
  },
);

deviceTest(
  "trackQuantile() leaves out padding and forced starts",
  async (device) => {
    const scores = Float32Array.of(9, 1, 4, 6, 8, 7, 20, 30);
    const documents = Uint32Array.of(0, 0, 0, 0, 4, 4, 6, 7);
    const greatest = async (
      rule: "above" | "rise",
      lookback: boolean,
    ): Promise<number> => {
      using state = Tensor.from(device, [2], [0, 0]);
      trackQuantile(state, Tensor.from(device, [8], scores), {
        ...{ rule, lookback, quantile: 1 },
        documents: Tensor.from(device, [8], documents),
      });
      return (await state.data())[0]!;
    };
    assertEquals(await greatest("above", false), 4);
    assertEquals(await greatest("above", true), 6);
    assertEquals(await greatest("rise", false), 3);
    assertEquals(await greatest("rise", true), 3);
  },
);

deviceTest(
  "trackQuantile() makes up for starts that no score decides",
  async (device) => {
    const scores = Tensor.from(device, [12], [...Array(12).keys()]);
    const documents = Tensor.from(device, [12], new Uint32Array(12));
    const quantile = 0.5;
    const after = async (
      groups: number,
      lookback: boolean,
    ): Promise<number> => {
      // Above it are the scores 9 and 10, or with `lookback` 9, 10 and 11.
      using state = Tensor.from(device, [2], [8, 0]);
      const options = { rule: "above", lookback, quantile, documents } as const;
      const made = Tensor.from(device, [2], Uint32Array.of(1, groups - 1));
      trackQuantile(state, scores, { ...options, groups: made });
      return (await state.data())[0]!;
    };
    // Six groups are wanted, two are forced, four are left to scores up to 10;
    assertEquals(await after(4, false), 6);
    // or three, when a limit made one.
    assertEquals(await after(5, false), 7);
    // Two are forced and one is empty; scores up to 11 decide.
    assertEquals(await after(6, true), 7);
    assertEquals(await after(8, true), 9);
    // Never more than there is; fewer than explained were lost.
    assertEquals(await after(40, false), 10);
    assertEquals(await after(2, false), 6);
  },
);

deviceTest("trackQuantile() changes nothing without scores", async (device) => {
  const state = Tensor.from(device, [2], [0.5, 3]);
  trackQuantile(state, Tensor.from(device, [3], [1, 2, 3]), {
    ...ABOVE,
    documents: Tensor.from(device, [3], Uint32Array.of(0, 1, 1)),
    quantile: 0.5,
  });
  assertEquals([...await state.data()], [0.5, 3]);
});

deviceTest(
  "trackQuantile() goes all the way at first, then follows a drift",
  async (device) => {
    const state = Tensor.from(device, [2], [0, 0]);
    const documents = Tensor.from(device, [3], new Uint32Array(3));
    const update = (score: number): void => {
      using scores = Tensor.from(device, [3], [0, score, 0]);
      trackQuantile(state, scores, { ...ABOVE, documents, quantile: 0.5 });
    };
    update(1);
    assertEquals([...await state.data()], [1, 1]);
    update(12);
    assertAlmostEquals((await state.data())[0]!, 1 + 11 * 10 / 11, 1e-5);

    // From the 90th step on each goes a tenth of the way.
    for (let step = 2; step < 100; step++) update(3);
    const [before = 0] = await state.data();
    for (let step = 0; step < 20; step++) update(5);
    const [threshold = 0, steps] = await state.data();
    assertAlmostEquals(threshold, 5 - (5 - before) * 0.9 ** 20, 1e-5);
    assertEquals(steps, 120);
  },
);

Deno.test("trackQuantile() gives every device the same threshold", async () => {
  const found: number[] = [];
  for (const device of devices) {
    const draw = new Draw(3);
    using state = Tensor.from(device, [2], [0, 0]);
    using documents = Tensor.from(device, [500], new Uint32Array(500));
    for (let step = 0; step < 30; step++) {
      using scores = Tensor.from(
        device,
        [500],
        Array.from({ length: 500 }, () => 4 * draw.uniform() - step / 10),
      );
      trackQuantile(state, scores, { ...ABOVE, documents, quantile: 0.8 });
    }
    found.push((await state.data())[0]!);
  }
  // Divisions and products of a move may round differently, by one ulp each.
  for (const threshold of found) {
    assert(Math.abs(threshold - found[0]!) <= 3e-7 * Math.abs(found[0]!));
  }
});

Deno.test("trackQuantile() refuses what does not fit", () => {
  const device = devices[0]!;
  using state = Tensor.from(device, [2], [0, 0]);
  using documents = Tensor.from(device, [3], new Uint32Array(3));
  using scores = Tensor.from(device, [3], [1, 2, 3]);
  using fewer = Tensor.from(device, [2], [1, 2]);
  assertThrows(
    () => trackQuantile(state, fewer, { ...ABOVE, documents, quantile: 0.5 }),
    ShapeError,
    "Cannot apply trackQuantile to [2] and [3]: expected a score and a document for each unit",
  );
  for (const quantile of [-0.1, 1.1, NaN]) {
    assertThrows(
      () => trackQuantile(state, scores, { ...ABOVE, documents, quantile }),
      RangeError,
      `Cannot track a quantile: expected a share between 0 and 1, got ${quantile}`,
    );
  }
  using many = Tensor.empty(device, [2 ** 20]);
  using heads = Tensor.empty(device, [2 ** 20], "u32");
  assertThrows(
    () =>
      trackQuantile(state, many, { ...ABOVE, documents: heads, quantile: 0.5 }),
    RangeError,
    "Cannot track a quantile: expected at most",
  );
});
