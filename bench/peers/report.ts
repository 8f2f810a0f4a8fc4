import type { Case, Target } from "./cases.ts";
import { LOSSES } from "./data.ts";
import { type Measured, median } from "./measure.ts";

/** Steps of training without samples: machine code gets better in them. */
const WARM_STEPS = 3;

/** Allowed relative difference of what should be equal. */
const AGREEMENT = 1e-3;

/** Allowed difference from the losses that are known, in nats. */
const LOSS_AGREEMENT = 2e-3;

/** A case's table and what became of its targets, as Markdown. */
export function report(it: Case, measured: readonly Measured[]): string {
  const training = it.work.kind === "step" ? it.work : undefined;
  const known = training ? LOSSES[training.size] : {};
  const steps = training ? [1, 5, 10, 50] : [];
  const peer = fastest(measured.filter(({ name }) => isPeer(name)));
  const middle = median(measured.map(({ checks }) => checks[0]!));
  const rows = measured.map((candidate) => {
    const { name, checks, peakMegabytes } = candidate;
    const ms = medianOf(candidate);
    const agrees = Math.abs(checks[0]! / middle - 1) < AGREEMENT;
    const losses = steps.map((step) => {
      const loss = checks[step - 1];
      if (loss === undefined) return "";
      const expected = known[step] ?? loss;
      const wrong = !(Math.abs(loss - expected) < LOSS_AGREEMENT);
      return loss.toFixed(4) + (wrong ? " wrong" : "");
    });
    return [
      name + (agrees || training ? "" : " (wrong result)"),
      number(ms),
      number(Math.min(...samples(candidate))),
      number(((it.flops ?? it.bytes)!) / ms / 1e6),
      peer ? number(medianOf(peer) / ms) : "",
      number(peakMegabytes),
      ...losses,
    ];
  });
  const head = [
    ...["candidate", "median ms", "best ms", it.flops ? "GFLOP/s" : "GB/s"],
    ...[`times ${peer?.name ?? "the best peer"}`, "peak MB"],
    ...steps.map((step) => `loss ${step}`),
  ];
  const lines = [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`);
  const verdicts = it.targets.flatMap((target) => verdict(target, measured));
  return [`## ${it.name}`, "", ...lines, "", ...verdicts].join("\n");
}

function isPeer(name: string): boolean {
  return !name.startsWith("club") && !name.includes("native");
}

/** Milliseconds that count: of training, those after the first steps. */
function samples({ ms, checks }: Measured): readonly number[] {
  const warm = checks.length > 1 && ms.length > WARM_STEPS + 1;
  return warm ? ms.slice(WARM_STEPS) : ms;
}

function medianOf(candidate: Measured): number {
  return median(samples(candidate));
}

function fastest(measured: readonly Measured[]): Measured | undefined {
  return measured.toSorted((a, b) => medianOf(a) - medianOf(b))[0];
}

/** One line, or none when a side of the comparison did not run. */
function verdict(
  { ours, against, speed, memory }: Target,
  measured: readonly Measured[],
): string[] {
  const own = measured.find(({ name }) => name === ours);
  const peer = fastest(measured.filter(({ name }) => against.includes(name)));
  if (!own || !peer) return [];
  const lines: string[] = [];
  if (speed !== undefined) {
    const ratio = medianOf(peer) / medianOf(own);
    lines.push(
      `- ${ours} is ${number(ratio)} times as fast as ${peer.name}, ` +
        `target ${speed}: ${ratio >= speed ? "met" : "not met"}`,
    );
  }
  if (memory !== undefined) {
    const ratio = own.peakMegabytes / peer.peakMegabytes;
    lines.push(
      `- ${ours} takes ${number(ratio)} times the memory of ${peer.name}, ` +
        `target ${memory}: ${ratio <= memory ? "met" : "not met"}`,
    );
  }
  return lines;
}

/** Three digits. */
function number(value: number): string {
  if (!Number.isFinite(value)) return "";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
