import {
  buildModel,
  countParameters,
  evaluateStream,
  flopsPerByte,
  type LanguageModel,
  type ModelConfig,
  needsEntropyModel,
  patchRows,
  type TrainPlan,
  windows,
  withThreshold,
} from "../../blt/mod.ts";
import { noGrad, Rng, Scope, Tensor } from "../../tensor/mod.ts";
import { configOf } from "./contestants.ts";
import type { Entropies } from "./entropies.ts";
import type { Result } from "./table.ts";
import { finish, type Place, trainerOf } from "./training.ts";

/** Rows of held-out text that units are counted in. */
const COUNTED_ROWS = 32;

/** Trains and measures a contestant; `entropies` where its patches need them. */
export async function measure(
  name: string,
  plan: TrainPlan,
  place: Place,
  entropies: Entropies | undefined,
): Promise<Result> {
  const since = performance.now();
  const { seed, steps, batch, context } = plan;
  const sizes = configOf(name, plan);
  const own = needsEntropyModel(sizes) ? entropies : undefined;
  const config = own ? withThreshold(sizes, own.threshold) : sizes;
  const model = buildModel(config, new Rng(seed).split("model"));
  using trainer = trainerOf(model, place, plan, own?.training);
  const stepMs = await finish(trainer, steps, place);

  const { device, corpus } = place;
  const { bitsPerByte } = await evaluateStream(
    { model, entropyModel: own?.model, device },
    corpus.heldOut,
    context,
  );
  const counts = await countUnits(model, place, context, own?.heldOut);
  const [meanPatchBytes = 1, ...above] = counts.unitsPerGroup;
  return {
    name,
    seed,
    steps,
    bitsPerByte,
    flopsPerByte: flopsPerByte(withMeans(config, above), {
      context,
      meanPatchBytes,
    }),
    ...own && { entropyModel: own.cost },
    ...counts,
    bytesPerSecond: 1000 * batch * context / stepMs,
    ...countParameters(model),
    seconds: (performance.now() - since) / 1000,
  };
}

/** Counts the units of each level in the front of the held-out text. */
async function countUnits(
  model: LanguageModel,
  { device, corpus }: Place,
  context: number,
  entropies: Float32Array | undefined,
): Promise<Pick<Result, "unitsPerGroup" | "overflow">> {
  using _scope = new Scope();
  const teach = model.teach(device, context);
  let bytes = 0;
  let patches = 0;
  // Of each level that the model groups itself: groups, starts without room.
  const totals: number[] = (model.metricNames ?? []).map(() => 0);
  for (const row of windows(corpus.heldOut, context).take(COUNTED_ROWS)) {
    using _row = new Scope();
    const { ids, targets, offsets: [offset = 1] } = row;
    const { length } = ids;
    const rows = patchRows({
      ids,
      lengths: [length],
      entropies: entropies?.subarray(offset - 1, offset - 1 + length),
    }, model.config);
    bytes += length;
    for (const flags of rows.starts) {
      patches += flags.subarray(0, -1).reduce((sum, flag) => sum + flag, 0);
    }
    const target = Tensor.from(device, [length], targets);
    // A late step, so that patches are the model's own.
    const batch = teach.upload(rows, Infinity);
    const { metrics = [] } = noGrad(() => teach.learn(batch, target));
    for (const [i, metric] of metrics.entries()) {
      totals[i]! += (await metric.data())[0]!;
    }
  }
  const groups = totals.filter((_, i) => i % 2 === 0);
  const overflow = totals.filter((_, i) => i % 2 === 1);
  const counts = patches > 0 ? [patches, ...groups] : groups;
  return {
    unitsPerGroup: counts.map((count, level) =>
      (counts[level - 1] ?? bytes) / count
    ),
    overflow: groups.length > 0 ? sum(overflow) / sum(groups) : 0,
  };
}

/** The same model with groups of the size that they really have. */
function withMeans(config: ModelConfig, means: readonly number[]): ModelConfig {
  if (config.kind !== "stacked") return config;
  const levels = config.levels.map((level, i) => ({
    ...level,
    grouping: { ...level.grouping, target: means[i]! },
  }));
  return { ...config, levels };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
