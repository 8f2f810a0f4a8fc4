/**
 * Where the time of the training step of `bench:peers` goes, kernel by kernel:
 * `deno run -A bench/peers/profile.ts`.
 *
 * @module
 */
import { openDevice, Scope } from "../../tensor/mod.ts";
import { markdown } from "../compare/table.ts";
import { ByteGptTraining } from "./byte_gpt.ts";
import { SIZES, trainingBatch } from "./data.ts";

/** Steps in front, in which machine code gets better, and those measured. */
const [WARM_STEPS, STEPS] = [5, 20];

/** Kernels that take less of a step than this are added up. */
const LEAST_SHARE = 0.005;

using device = await openDevice("cpu");
using _scope = new Scope();
const size = SIZES.small;
using training = new ByteGptTraining(device, size);

function steps(first: number, count: number): void {
  for (let i = first; i < first + count; i++) {
    training.step(trainingBatch(size, i)).dispose();
  }
}

steps(0, WARM_STEPS);
const times = await device.profile(() => steps(WARM_STEPS, STEPS));
const total = times.reduce((sum, { ms }) => sum + ms, 0);
const large = times.filter(({ ms }) => ms >= LEAST_SHARE * total);
const rest = large.reduce((left, { ms }) => left - ms, total);
const rows = large.map(({ kernel, launches, ms, flops }) => [
  kernel,
  String(launches / STEPS),
  (ms / STEPS).toFixed(1),
  (flops / ms / 1e6).toFixed(1),
]);
const text = markdown(
  ["kernel", "launches", "ms of a step", "GFLOP/s"],
  [...rows, ["others", "", (rest / STEPS).toFixed(1), ""], [
    "all",
    "",
    (total / STEPS).toFixed(1),
    "",
  ]],
);
await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
Deno.exit();
