import {
  ByteTransformer,
  type Rows,
  type TrainPlan,
  VOCABULARY,
  windows,
} from "../../blt/mod.ts";
import {
  entropy,
  noGrad,
  reshape,
  Rng,
  Scope,
  slice,
  Tensor,
  tokenNats,
} from "../../tensor/mod.ts";
import { ByteHeads } from "./byte_heads.ts";
import { spearman } from "./spearman.ts";
import { markdown } from "./table.ts";
import { finish, type Place, trainerOf } from "./training.ts";

/** Rows of held-out text that scores are compared on. */
const COMPARED_ROWS = 40;

/** Offsets of the heads that look back; the entropy of the second counts. */
const BACKWARD = [0, 1, 2, 3];

/** Offset of the head that looks ahead. */
const FORWARD = [-1];

/** What the heads of one model said of held-out text. */
interface Heard {
  /** Mean cost of each head, in nats. */
  readonly losses: readonly number[];
  /** How surprising each byte from the second on is, in nats. */
  readonly scores: readonly number[];
}

/**
 * Whether the entropy of byte heads tells which bytes are hard: rank correlation
 * with what they cost a reference model, for tiny transformers of some widths.
 */
export async function difficultyTable(
  plan: TrainPlan,
  place: Place,
  widths: readonly number[] = [16, 32, 64],
): Promise<string> {
  const rows = [
    ...windows(place.corpus.heldOut, plan.context).take(COMPARED_ROWS),
  ];
  const reference = await surprisals(plan, place, rows);
  const lines: string[][] = [];
  for (const offsets of [BACKWARD, FORWARD]) {
    for (const width of widths) {
      const { losses, scores } = await heard(
        new ByteHeads(width, offsets, new Rng(plan.seed).split("heads")),
        plan,
        place,
        rows,
      );
      const high = scores.filter((score) => score > 0.1).length;
      const mean = scores.reduce((a, b) => a + b) / scores.length;
      lines.push([
        offsets === BACKWARD ? "previous" : "next",
        `${width}`,
        losses.map((loss) => loss.toFixed(3)).join(" / "),
        mean.toFixed(3),
        (high / scores.length).toFixed(2),
        spearman(scores, reference).toFixed(3),
      ]);
    }
  }
  const nats = reference.reduce((a, b) => a + b) / reference.length;
  return `${
    markdown([
      "heads",
      "width",
      "nats of the byte / 1 / 2 / 3 before, or of the next",
      "mean score",
      "share above 0.1",
      "rank correlation",
    ], lines)
  }\n\nThe reference needs ${
    nats.toFixed(3)
  } nats per byte; ${reference.length} bytes were compared.`;
}

/** What each byte from the second on costs a reference model, in nats. */
async function surprisals(
  plan: TrainPlan,
  place: Place,
  rows: readonly Rows[],
): Promise<number[]> {
  const { device } = place;
  const model = new ByteTransformer({
    kind: "bytes",
    transformer: {
      layers: 2,
      dim: 128,
      heads: 4,
      hiddenDim: 384,
      window: 128,
      ropeTheta: 10_000,
    },
  }, new Rng(plan.seed).split("reference"));
  using trainer = trainerOf(model, place, plan);
  await finish(trainer, plan.steps, place);
  const feed = model.feed(device, plan.context, { gradient: false });
  const found: number[] = [];
  for (const { ids, targets } of rows) {
    using _row = new Scope();
    const lengths = [ids.length];
    const target = Tensor.from(device, [targets.length], targets);
    const nats = await noGrad(() =>
      tokenNats(feed({ ids, lengths, starts: [] }), target)
    ).data();
    // The cost of an id stands one earlier.
    found.push(...nats.subarray(1, -1));
  }
  return found;
}

/** Trains byte heads and hears what they say. */
async function heard(
  model: ByteHeads,
  plan: TrainPlan,
  place: Place,
  rows: readonly Rows[],
): Promise<Heard> {
  const { device } = place;
  const { offsets } = model;
  using trainer = trainerOf(model, place, plan);
  await finish(trainer, plan.steps, place);
  const feed = model.feed(device, plan.context, { gradient: false });
  const ahead = offsets.includes(-1);
  const head = ahead ? 0 : 1;
  const costs = offsets.map(() => 0);
  const counts = offsets.map(() => 0);
  const scores: number[] = [];
  for (const { ids } of rows) {
    using _row = new Scope();
    const host = { ids, lengths: [ids.length], starts: [] };
    const targets = model.targets(host);
    const { logits, nats } = noGrad(() => {
      const logits = feed(host);
      return {
        logits,
        nats: tokenNats(
          reshape(logits, [-1, VOCABULARY]),
          Tensor.from(device, [targets.length], targets),
        ),
      };
    });
    (await nats.data()).forEach((cost, i) => {
      costs[i % offsets.length]! += cost;
      counts[i % offsets.length]! += Number(targets[i]! < VOCABULARY);
    });
    const columns = [head * VOCABULARY, (head + 1) * VOCABULARY] as const;
    const own = await noGrad(() =>
      entropy(slice(logits, [[0, ids.length], columns]))
    ).data();
    // The entropy of the next byte stands one earlier.
    scores.push(...ahead ? own.subarray(1, -1) : own.subarray(2));
  }
  return { losses: costs.map((cost, i) => cost / counts[i]!), scores };
}
