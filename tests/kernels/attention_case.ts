import {
  attentionGradKvKernel,
  attentionGradQKernel,
  attentionKernel,
  type Device,
  type Kernel,
  type NumberArray,
  type Storage,
} from "../../kernels/mod.ts";
import type { Ends } from "../../tensor/intervals.ts";
import { Draw } from "../support/for_all.ts";

/** One attention to compute on a device and in float64. */
export interface AttentionCase {
  /** Intervals of the queries. */
  readonly ends: Ends;
  /** Number of keys. */
  readonly keys: number;
  /** Number of heads. */
  readonly heads: number;
  /** Width of a head. */
  readonly headWidth: number;
}

/** Every buffer of the attention and its gradients, by name. */
export type AttentionNumbers = Readonly<
  Record<"q" | "kv" | "g" | "ofQueries" | "ofKeys" | Result, NumberArray>
>;

/** Buffers that the kernels write. */
export type Result = "out" | "lse" | "dq" | "delta" | "dkv";

/** Intervals whose ends never decrease, some of them empty. */
export function randomEnds(rng: Draw, queries: number, keys: number): Ends {
  const sorted = (): Uint32Array =>
    Uint32Array.from({ length: queries }, () => rng.integer(0, keys + 1))
      .sort();
  const [a, b] = [sorted(), sorted()];
  return {
    lo: a.map((x, i) => Math.min(x, b[i]!)),
    hi: a.map((x, i) => Math.max(x, b[i]!)),
  };
}

/** For each key the queries that see it: all but those before and after it. */
export function inverse({ lo, hi }: Ends, keys: number): Ends {
  const count = (ends: Uint32Array, key: number): number =>
    ends.filter((end) => end <= key).length;
  return {
    lo: Uint32Array.from({ length: keys }, (_, key) => count(hi, key)),
    hi: Uint32Array.from({ length: keys }, (_, key) => count(lo, key)),
  };
}

/** Both ends of each interval side by side, as the kernels read them. */
export function pairsOf({ lo, hi }: Ends): number[] {
  return Array.from(lo).flatMap((a, i) => [a, hi[i]!]);
}

/** Runs all three kernels by `launch` on numbers drawn for a case. */
function compute(
  { ends, keys, heads, headWidth }: AttentionCase,
  launch: (
    kernel: Kernel,
    names: Readonly<Record<string, string>>,
    sizes: Readonly<Record<string, number>>,
  ) => void,
): void {
  const width = heads * headWidth;
  const sizes = {
    queries: ends.lo.length,
    keys,
    heads,
    qStride: width,
    kvStride: 2 * width,
    kOffset: 0,
    pairs: ends.hi.reduce((sum, hi, i) => sum + hi - ends.lo[i]!, 0),
    longest: Math.max(keys, ends.lo.length),
  };
  const ofQueries = { ends: "ofQueries" };
  launch(attentionKernel(headWidth), ofQueries, sizes);
  launch(attentionGradQKernel(headWidth), ofQueries, sizes);
  launch(attentionGradKvKernel(headWidth), { ends: "ofKeys" }, sizes);
}

/** Inputs of a case with room for the results, in float32. */
export function drawCase(spec: AttentionCase, seed = 0): AttentionNumbers {
  const { ends, keys, heads, headWidth } = spec;
  const rng = new Draw(seed);
  const queries = ends.lo.length;
  const width = heads * headWidth;
  const draw = (length: number): Float32Array =>
    Float32Array.from({ length }, () => 4 * rng.uniform() - 2);
  return {
    q: draw(queries * width),
    kv: draw(keys * 2 * width),
    g: draw(queries * width),
    ofQueries: Uint32Array.from(pairsOf(ends)),
    ofKeys: Uint32Array.from(pairsOf(inverse(ends, keys))),
    out: new Float32Array(queries * width).fill(NaN),
    lse: new Float32Array(heads * queries).fill(NaN),
    delta: new Float32Array(heads * queries).fill(NaN),
    dq: new Float32Array(queries * width).fill(NaN),
    dkv: new Float32Array(keys * 2 * width).fill(NaN),
  };
}

/** The case by the kernels' definitions in float64. */
export function expectedOf(
  spec: AttentionCase,
  numbers: AttentionNumbers,
): AttentionNumbers {
  const wide = Object.fromEntries(
    Object.entries(numbers).map(([name, array]) =>
      [name, Float64Array.from(array)] as const
    ),
  );
  compute(spec, (kernel, names, sizes) => {
    const buffers = Object.fromEntries(
      kernel.buffers.map((name) => [name, wide[names[name] ?? name]!] as const),
    );
    kernel.define(buffers, sizes);
  });
  return wide as AttentionNumbers;
}

/** The case on a device, in the form that it chooses or in the given one. */
export async function foundOn(
  device: Device,
  spec: AttentionCase,
  numbers: AttentionNumbers,
  form?: string,
): Promise<Readonly<Record<Result, Float32Array>>> {
  const storages: Record<string, Storage> = {};
  for (const [name, array] of Object.entries(numbers)) {
    const storage = device.allocate(array.byteLength);
    device.write(storage, array as Float32Array | Uint32Array);
    storages[name] = storage;
  }
  compute(spec, (kernel, names, sizes) => {
    const buffers = Object.fromEntries(
      kernel.buffers.map((name) =>
        [name, storages[names[name] ?? name]!] as const
      ),
    );
    const forms = form === undefined
      ? kernel.forms
      : kernel.forms.filter(({ name }) => name === form)
        .map((only) => ({ ...only, fits: () => true }));
    device.launch({ ...kernel, forms }, buffers, sizes);
  });
  const names = ["out", "lse", "dq", "delta", "dkv"];
  const found = await device.read(names.map((name) => storages[name]!));
  for (const storage of Object.values(storages)) device.free(storage);
  return Object.fromEntries(
    names.map((name, i) => [name, new Float32Array(found[i]!)] as const),
  ) as Record<Result, Float32Array>;
}
