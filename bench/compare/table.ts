/** How one contestant did with one seed. */
export interface Result {
  /** Name of the contestant. */
  readonly name: string;
  /** Of weights and batches. */
  readonly seed: number;
  /** On held-out text. */
  readonly bitsPerByte: number;
  /** Of a forward pass, without the entropy model. */
  readonly flopsPerByte: number;
  /** What finds its patches; contestants of one seed share it. */
  readonly entropyModel?: {
    /** Of a forward pass. */
    readonly flopsPerByte: number;
    /** What the model itself needs for held-out text. */
    readonly bitsPerByte: number;
    /** What its training took. */
    readonly seconds: number;
  };
  /** Mean bytes in a patch, patches in a group, and so on, on held-out text. */
  readonly unitsPerGroup: readonly number[];
  /** Share of starts of groups that found no room. */
  readonly overflow: number;
  /** Speed of training, without the entropy model. */
  readonly bytesPerSecond: number;
  /** Parameters that are multiplied. */
  readonly compute: number;
  /** Parameters that are looked up. */
  readonly lookup: number;
  /** Steps of training. */
  readonly steps: number;
  /** What training and measuring took. */
  readonly seconds: number;
}

const HEAD = [
  "model",
  "bits per byte",
  "MFLOP per byte",
  "bytes per patch, patches per group, ...",
  "starts without room",
  "kB/s in training",
  "M parameters that compute",
  "M in tables",
  "steps",
  "seconds",
];

/** A Markdown table. */
export function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** A row for each contestant, in order: means of its seeds; then notes. */
export function comparison(results: readonly Result[]): string {
  const groups = Map.groupBy(results, ({ name }) => name);
  const table = markdown(HEAD, [...groups.values()].map(row));
  const entropyModels = new Map(
    results.flatMap(({ seed, entropyModel }) =>
      entropyModel ? [[seed, entropyModel]] : []
    ),
  );
  const notes = [...entropyModels].map(([seed, model]) =>
    `The entropy model of seed ${seed}, behind the +, has ${
      model.bitsPerByte.toFixed(3)
    } bits per byte; its training took ${model.seconds.toFixed(0)} s.`
  );
  const all = [...results, ...entropyModels.values()];
  const seconds = all.reduce((sum, { seconds }) => sum + seconds, 0);
  notes.push(`All this took ${(seconds / 60).toFixed(1)} minutes.`);
  return `${table}\n\n${notes.join("\n")}`;
}

function row(results: readonly Result[]): string[] {
  const { name, compute, lookup, steps, unitsPerGroup, entropyModel } =
    results[0]!;
  const mean = (of: (result: Result) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0) / results.length;
  const bits = results.map(({ bitsPerByte }) => bitsPerByte);
  const spread = (Math.max(...bits) - Math.min(...bits)) / 2;
  const flops = mean(({ flopsPerByte }) => flopsPerByte);
  return [
    name,
    mean(({ bitsPerByte }) => bitsPerByte).toFixed(3) +
    (results.length > 1 ? ` ± ${spread.toFixed(3)}` : ""),
    mega(flops) + (entropyModel ? ` + ${mega(entropyModel.flopsPerByte)}` : ""),
    unitsPerGroup.map((_, level) =>
      mean((result) => result.unitsPerGroup[level]!).toFixed(2)
    ).join(", "),
    `${(100 * mean(({ overflow }) => overflow)).toFixed(1)} %`,
    (mean(({ bytesPerSecond }) => bytesPerSecond) / 1000).toFixed(1),
    mega(compute),
    mega(lookup),
    `${steps}`,
    mean(({ seconds }) => seconds).toFixed(0),
  ];
}

/** In millions. */
function mega(value: number): string {
  return (value / 1e6).toFixed(2);
}
