/**
 * End-to-end BLT and stacked BLT, number by number, for one document whose
 * groups are given: where they start has no gradient.
 *
 * @module
 */
import {
  add,
  affine,
  exp,
  log,
  type Matrix,
  type Row,
  Scalar,
  sum,
} from "./autodiff64.ts";
import { embed } from "./blt.ts";
import { VOCABULARY } from "./byte_transformer.ts";
import { routesOf, type RoutingSizes, smoothed } from "./routing.ts";
import { joinSlots, pool, read } from "./slots.ts";
import {
  blocks,
  causal,
  type Interval,
  linear,
  logSumExp,
  plus,
  rmsNorm,
  silu,
  type TransformerSizes,
} from "./transformer.ts";
import type { Variables } from "./weights.ts";

/** Groups of the units of one level. */
export interface Groups {
  /** Units of each group. */
  readonly groups: readonly Interval[];
  /** Group that each unit reads; -1: none is closed. */
  readonly reads: readonly number[];
}

/** Sizes that both models have. */
export interface BodySizes {
  /** Blocks over bytes, in front of the patches. */
  readonly encoder: TransformerSizes;
  /** Blocks over patches. */
  readonly latent: TransformerSizes;
  /** Blocks over bytes, behind the patches. */
  readonly decoder: TransformerSizes;
  /** Vectors per patch. */
  readonly slots: number;
  /** Lengths of the hashed n-grams. */
  readonly ngramSizes: readonly number[];
  /** Rows of each n-gram table. */
  readonly tableRows: number;
}

/** By what patches start, and what that learns. */
export interface EndToEndSizes {
  /** The BLT behind it. */
  readonly body: BodySizes;
  /** Blocks that see bytes first. */
  readonly tiny: TransformerSizes;
  /** Bytes before itself that a byte predicts; 0: the next byte instead. */
  readonly previous: number;
  /** What the heads' gradient reaches. */
  readonly reaches: "all" | "branch" | "head";
  /** A router instead of heads. */
  readonly routing?: RoutingSizes | undefined;
  /** Whether byte vectors go around the tiny transformer. */
  readonly skip: boolean;
  /** Factor of the loss of heads or router. */
  readonly auxiliaryWeight: number;
}

/** One further level of a stack. */
export interface LevelSizes {
  /** Blocks over groups. */
  readonly trunk: TransformerSizes;
  /** Blocks over units. */
  readonly reader: TransformerSizes;
  /** Vectors per group. */
  readonly slots: number;
  /** What is forecast: nats of the next unit, or nats per byte. */
  readonly of: "total" | "rate";
  /** Nats in which forecasts are made and errors measured. */
  readonly scale: number;
  /** Factor of the forecasts' loss. */
  readonly weight: number;
}

/** -ln p(target) of one row of logits. */
function nats(row: Row, target: number): Scalar {
  return add(logSumExp(row), affine(row[target]!, -1, 0));
}

function meanOf(xs: Row): Scalar {
  return affine(sum(xs), 1 / xs.length, 0);
}

/** The same numbers, through which no gradient flows. */
function detached(x: Matrix): Matrix {
  return x.map((row) => row.map(({ value }) => new Scalar(value)));
}

/** What each of `count` units sees of one document. */
function before(count: number, { window }: TransformerSizes): Interval[] {
  return causal(Array<number>(count).fill(0), window);
}

function stack(
  x: Matrix,
  weights: Variables,
  prefix: string,
  sizes: TransformerSizes,
): Matrix {
  const intervals = before(x.length, sizes);
  return blocks(x, { weights, prefix, sizes, intervals });
}

/**
 * From embedded bytes to logits: `think` takes what the latent transformer
 * made of patches to what bytes read. x: [N, D] -> [N, 260]
 */
function body(
  x: Matrix,
  { groups, reads }: Groups,
  weights: Variables,
  { encoder, latent, decoder, slots }: BodySizes,
  think: (patches: Matrix) => Matrix,
  factors?: Row,
): Matrix {
  const across = { weights, slots, residual: 2 };
  const bytes = stack(x, weights, "blt.encoder", encoder);
  const pooled = joinSlots(
    pool(bytes, groups, {
      ...across,
      prefix: "blt.pool",
      heads: encoder.heads,
    }),
    slots,
  );
  const patches = linear(pooled, weights("blt.input.weight"));
  const decoded = read(
    bytes,
    think(stack(patches, weights, "blt.latent", latent)),
    {
      ...across,
      prefix: "blt.decoder",
      sizes: decoder,
      reads,
      factors,
      intervals: before(x.length, decoder),
    },
  );
  const normed = rmsNorm(decoded, weights("blt.norm.gain"));
  return linear(normed, weights("blt.head.weight"));
}

/** Loss of an end-to-end BLT on a document. ids: [N] */
export function endToEndLoss(
  ids: readonly number[],
  { groups, reads }: Groups,
  weights: Variables,
  sizes: EndToEndSizes,
): Scalar {
  const lookback = sizes.previous > 0 || sizes.routing !== undefined;
  const table = weights("blt.embedding.tokens.table");
  const own = ids.map((id) => table[id]!);
  const latents = stack(own, weights, "tiny", sizes.tiny);
  const routes = sizes.routing && routesOf(latents, weights, sizes.routing);
  const wrong = routes?.ratio ?? headLoss(ids, latents, weights, sizes);

  const mixed = linear(latents, weights("mix.weight"));
  const ngrams = weights("blt.embedding.ngrams.table");
  const x = sizes.skip
    ? plus(embed(ids, { ...sizes.body, bytes: table, ngrams }), mixed)
    : mixed;
  const withNull: Groups = {
    groups,
    reads: reads.map((j) => j < 0 ? groups.length : j),
  };
  const logits = body(
    x,
    withNull,
    weights,
    sizes.body,
    (patches) => {
      if (routes) patches = smoothed(patches, groups, routes.gates);
      return lookback ? [...patches, ...weights("nothing")] : patches;
    },
    routes?.factors,
  );
  const loss = meanOf(ids.slice(1).map((next, p) => nats(logits[p]!, next)));
  return add(loss, affine(wrong, sizes.auxiliaryWeight, 0));
}

/** Mean cost of what the heads predict. */
function headLoss(
  ids: readonly number[],
  latents: Matrix,
  weights: Variables,
  sizes: EndToEndSizes,
): Scalar {
  const { previous } = sizes;
  const shared = sizes.reaches === "all" ? latents : detached(latents);
  const seen = sizes.reaches === "branch"
    ? stack(shared, weights, "branch", { ...sizes.tiny, layers: 1 })
    : shared;
  const heads = linear(
    rmsNorm(seen, weights("norm.gain")),
    weights("heads.weight"),
  );
  const wrong = previous === 0
    ? ids.slice(1).map((next, p) => nats(heads[p]!, next))
    : ids.flatMap((_, p) =>
      Array.from({ length: previous + 1 }, (_, back) => back)
        .filter((back) => p - back >= 1)
        .map((back) => {
          const from = back * VOCABULARY;
          const row = heads[p]!.slice(from, from + VOCABULARY);
          return nats(row, ids[p - back]!);
        })
    );
  return meanOf(wrong);
}

/** ln(1 + eˣ) */
function softplus(x: Scalar): Scalar {
  return log(affine(exp(x), 1, 1));
}

/** Huber's loss: a square within 1 of zero, a straight line beyond. */
function huber(x: Scalar): Scalar {
  const size = Math.abs(x.value);
  if (size >= 1) return affine(x, Math.sign(x.value), -0.5);
  return new Scalar(size ** 2 / 2, [x], [x.value]);
}

/** Forecast of the cost of the unit after each. x: [N, D] -> [N] */
function forecasts(
  x: Matrix,
  weights: Variables,
  { prefix, scale }: { readonly prefix: string; readonly scale: number },
): Row {
  const layer = (x: Matrix, name: string): Matrix => {
    const [bias] = weights(`${prefix}.${name}.bias`);
    return linear(x, weights(`${prefix}.${name}.weight`))
      .map((row) => row.map((value, j) => add(value, bias![j]!)));
  };
  const normal = rmsNorm(detached(x), weights(`${prefix}.norm.gain`));
  const hidden = layer(normal, "hidden").map((row) => row.map(silu));
  return layer(hidden, "out")
    .map(([value]) => affine(softplus(value!), scale, 0));
}

/**
 * Loss of a stacked BLT on a document. ids: [N]; groups of bytes, then those
 * of each level.
 */
export function stackedLoss(
  ids: readonly number[],
  [patches, ...groups]: readonly Groups[],
  weights: Variables,
  sizes: { readonly body: BodySizes; readonly levels: readonly LevelSizes[] },
): Scalar {
  const found: Row[] = [];

  /** x: [N, D] -> [N, D] */
  function climb(x: Matrix, depth: number): Matrix {
    const level = sizes.levels[depth];
    if (!level) return x;
    const { slots } = level;
    const prefix = `levels.${depth}`;
    const across = { weights, slots, residual: 1 };
    const { scale } = level;
    found.push(forecasts(x, weights, { prefix: `${prefix}.cost`, scale }));
    const own = groups[depth]!;
    const pooled = joinSlots(
      pool(x, own.groups, {
        ...across,
        prefix: `${prefix}.pool`,
        heads: level.reader.heads,
      }),
      slots,
    );
    const inner = linear(pooled, weights(`${prefix}.input.weight`));
    const outer = climb(
      stack(inner, weights, `${prefix}.trunk`, level.trunk),
      depth + 1,
    );
    return read(x, outer, {
      ...across,
      prefix: `${prefix}.reader`,
      sizes: level.reader,
      reads: own.reads,
      intervals: before(x.length, level.reader),
    });
  }

  const table = weights("blt.embedding.tokens.table");
  const ngrams = weights("blt.embedding.ngrams.table");
  const x = embed(ids, { ...sizes.body, bytes: table, ngrams });
  const logits = body(x, patches!, weights, sizes.body, (y) => climb(y, 0));
  const paid = ids.slice(1).map((next, p) => nats(logits[p]!, next));

  // BOS costs nothing; each further byte was paid for in front of it.
  let costs = [0, ...paid.map(({ value }) => value)];
  let bytes = ids.map(() => 1);
  let below = patches!;
  let loss = meanOf(paid);
  for (const [depth, { of, scale, weight }] of sizes.levels.entries()) {
    const total = (xs: readonly number[]): number[] =>
      below.groups.map(([lo, hi]) =>
        xs.slice(lo, hi).reduce((sum, x) => sum + x, 0)
      );
    costs = total(costs);
    bytes = total(bytes);
    // The last unit may go on behind the end.
    const errors = found[depth]!.slice(0, -2).map((forecast, unit) => {
      const cost = costs[unit + 1]! / (of === "total" ? 1 : bytes[unit + 1]!);
      return huber(affine(forecast, 1 / scale, -cost / scale));
    });
    loss = add(loss, affine(meanOf(errors), weight, 0));
    below = groups[depth]!;
  }
  return loss;
}
