import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertNotEquals,
} from "@std/assert";
import { adamW } from "./adamw.ts";
import { type Scalar, valuesOf } from "./autodiff64.ts";
import { blt, type BltActivations, bltShapes, ngramRows } from "./blt.ts";
import {
  TINY_ADAMW,
  TINY_BLT,
  TINY_GRADIENT_NORMS,
  TINY_IDS,
  TINY_LOSSES,
  TINY_NATS,
  TINY_ROWS,
  TINY_STARTS,
  TINY_SUMS,
  TINY_TOTAL_GRADIENT_NORM,
} from "./tiny.ts";
import { mean, nats } from "./transformer.ts";
import {
  lossAndGradients,
  type Variables,
  variables,
  weightsOf,
} from "./weights.ts";

/** Half a unit of the sixth decimal, printed from float32. */
const PRINTED = 1e-6;

function tinyBlt(
  weights: Variables,
  ids: readonly number[] = TINY_IDS,
  starts: readonly number[] = TINY_STARTS,
): BltActivations {
  return blt(ids, starts, { weights, sizes: TINY_BLT });
}

function tinyLoss(weights: Variables): Scalar {
  return mean(nats(tinyBlt(weights).logits, TINY_IDS.slice(1)));
}

function norm(values: Iterable<number>): number {
  return Math.hypot(...values);
}

Deno.test("blt() gives the published activations and losses", () => {
  const out = tinyBlt(variables(weightsOf(bltShapes(TINY_BLT))));
  for (const { output, row, values } of TINY_ROWS) {
    values.forEach((value, channel) =>
      assertAlmostEquals(out[output][row]![channel]!.value, value, PRINTED)
    );
  }
  for (const output of ["encoder", "slots"] as const) {
    const total = valuesOf(out[output]).reduce((sum, value) => sum + value);
    assertAlmostEquals(total, TINY_SUMS[output], 10 * PRINTED);
  }
  nats(out.logits, TINY_IDS.slice(1)).forEach((surprise, i) =>
    assertAlmostEquals(surprise.value, TINY_NATS[i]!, PRINTED)
  );
});

Deno.test("lossAndGradients() gives the published gradient norms", () => {
  const weights = weightsOf(bltShapes(TINY_BLT));
  const { grads } = lossAndGradients(weights, tinyLoss);
  for (const [name, expected] of Object.entries(TINY_GRADIENT_NORMS)) {
    assertAlmostEquals(norm(grads.get(name)!), expected, 2 * PRINTED, name);
  }
  const total = norm([...grads.values()].map(norm));
  assertAlmostEquals(total, TINY_TOTAL_GRADIENT_NORM, PRINTED);
});

Deno.test("adamW() gives the published losses of ten steps", () => {
  const weights = weightsOf(bltShapes(TINY_BLT));
  const update = adamW(weights, TINY_ADAMW);
  for (const expected of TINY_LOSSES) {
    const { loss, grads } = lossAndGradients(weights, tinyLoss);
    assertAlmostEquals(loss, expected, 10 * PRINTED);
    update(grads);
  }
});

Deno.test("blt() keeps two documents in a row apart", () => {
  const weights = variables(weightsOf(bltShapes(TINY_BLT)));
  const first = [...TINY_IDS, 2];
  const packed = tinyBlt(
    weights,
    [...first, ...TINY_IDS],
    [...TINY_STARTS, 13, ...TINY_STARTS.slice(1).map((start) => 13 + start)],
  );
  const alone = tinyBlt(weights);
  const logits = valuesOf(packed.logits.slice(first.length));
  valuesOf(alone.logits).forEach((expected, i) =>
    assertAlmostEquals(logits[i]!, expected, 1e-9)
  );
});

Deno.test("blt() predicts from what came before alone", () => {
  const weights = variables(weightsOf(bltShapes(TINY_BLT)));
  const before = valuesOf(tinyBlt(weights).logits);
  for (let t = 1; t < TINY_IDS.length; t++) {
    const after = valuesOf(tinyBlt(weights, TINY_IDS.with(t, 200)).logits);
    const position = before.findIndex((value, i) => value !== after[i]);
    assertEquals(Math.floor(position / 260), t);
  }
});

Deno.test("blt() in a window of 3 has the slope of its gradient", () => {
  const sizes = {
    ...TINY_BLT,
    encoder: { ...TINY_BLT.encoder, window: 3 },
    decoder: { ...TINY_BLT.decoder, window: 3 },
  };
  const loss = (weights: Variables): Scalar =>
    mean(nats(
      blt(TINY_IDS, TINY_STARTS, { weights, sizes }).logits,
      TINY_IDS.slice(1),
    ));
  const weights = weightsOf(bltShapes(sizes));
  const { loss: windowed, grads } = lossAndGradients(weights, loss);
  assertNotEquals(windowed, lossAndGradients(weights, tinyLoss).loss);

  // Along its own gradient a loss rises by the squared norm.
  const at = (step: number): number => {
    const moved = [...weights].map(([name, { shape, data }]) =>
      [name, {
        shape,
        data: data.map((value, i) => value + step * grads.get(name)![i]!),
      }] as const
    );
    return loss(variables(new Map(moved))).value;
  };
  const slope = (at(1e-5) - at(-1e-5)) / 2e-5;
  assertAlmostEquals(slope, norm([...grads.values()].map(norm)) ** 2, 1e-6);
});

Deno.test("blt() with one slot does not use the decoder's queries", () => {
  const sizes = { ...TINY_BLT, slots: 1 };
  const { grads } = lossAndGradients(
    weightsOf(bltShapes(sizes)),
    (weights) =>
      mean(nats(
        blt(TINY_IDS, TINY_STARTS, { weights, sizes }).logits,
        TINY_IDS.slice(1),
      )),
  );
  const normOf = (name: string): number =>
    norm(grads.get(`model.${name}.weight`)!);
  // The softmax of one score is 1, whatever the score.
  const cross = "local_decoder.cross_attn_layers.0";
  assertAlmostEquals(normOf(`${cross}.q_proj`), 0, 1e-15);
  assertGreater(normOf(`${cross}.v_proj`), 0.01);
  // One slot is narrower than the latent transformer.
  assertGreater(normOf("global_transformer.token_embedding_projection"), 0.01);
});

Deno.test("ngramRows() gives the published rows", () => {
  // deno-fmt-ignore
  assertEquals(ngramRows(TINY_IDS, 3, 500_002), [443987, 124875, 393970, 386145, 358223, 190185, 141703, 484917, 321258, 125336, 233820, 269147]);
  // deno-fmt-ignore
  assertEquals(ngramRows(TINY_IDS, 8, 500_002), [172383, 205585, 456240, 129346, 299568, 322649, 430431, 246559, 449350, 287162, 409265, 97250]);
});
