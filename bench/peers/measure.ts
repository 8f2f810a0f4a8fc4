import type { Case } from "./cases.ts";
import { Child } from "./child.ts";

/** What was found out about one candidate in one case. */
export interface Measured {
  /** Library, backend and threads. */
  readonly name: string;
  /** Milliseconds of each round. */
  readonly ms: readonly number[];
  /** Number that all should agree on: of each round for training steps. */
  readonly checks: readonly number[];
  /** Most memory that its process had, in MB. */
  readonly peakMegabytes: number;
}

/** Limits of a comparison. */
export interface MeasureOptions {
  /** Samples of each candidate; training takes them as steps. */
  readonly rounds: number;
  /** Seconds of samples after which a candidate is asked no more. */
  readonly seconds: number;
}

/** Fewest samples, whatever they take. */
const LEAST_ROUNDS = 3;

interface Runner {
  readonly child: Child;
  readonly times: number;
  readonly ms: number[];
  readonly checks: number[];
}

/**
 * Runs one case on all candidates, in turn, round by round, so that all share
 * the weather of the machine. `failed` hears why a candidate is left out.
 */
export async function measure(
  { work }: Case,
  candidates: readonly string[],
  { rounds, seconds }: MeasureOptions,
  failed: (name: string, reason: string) => void,
): Promise<Measured[]> {
  using children = new DisposableStack();
  const isTraining = work.kind === "step";
  let runners: Runner[] = [];
  const attempt = async <T>(
    name: string,
    run: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await run();
    } catch (error) {
      failed(name, error instanceof Error ? error.message : String(error));
      runners = runners.filter(({ child }) => child.name !== name);
      return undefined;
    }
  };
  for (const name of candidates) {
    const child = children.use(new Child(name));
    const runner = await attempt(name, async () => {
      await child.ask({ do: "open", name });
      if (await child.ask({ do: "prepare", work }) === null) return undefined;
      if (isTraining) return { child, times: 1, ms: [], checks: [] };
      const check = Number(await child.ask({ do: "check" }));
      return { child, times: await warmUp(child), ms: [], checks: [check] };
    });
    if (runner) runners.push(runner);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { child, times, ms, checks } of runners) {
      const spent = times * ms.reduce((sum, each) => sum + each, 0);
      if (round >= LEAST_ROUNDS && spent > 1000 * seconds) continue;
      await attempt(child.name, async () => {
        ms.push(Number(await child.ask({ do: "run", times })));
        if (isTraining) checks.push(Number(await child.ask({ do: "check" })));
      });
    }
  }
  return await Promise.all(runners.map(async ({ child, ms, checks }) => ({
    name: child.name,
    ms,
    checks,
    peakMegabytes: await child.peakMegabytes(),
  })));
}

/** Runs until machine code is good; resolves to runs in one sample. */
async function warmUp(child: Child): Promise<number> {
  let best = Infinity;
  const end = performance.now() + 600;
  for (let i = 0; i < 20 && performance.now() < end; i++) {
    const ms = Number(await child.ask({ do: "run", times: 1 }));
    best = Math.min(best, ms);
  }
  // A wait for a GPU takes 11 ms in Deno, whatever it waits for.
  const onGpu = child.name.includes("webgpu");
  const least = onGpu && best < 200 ? 12 : 1;
  return Math.max(least, Math.round((onGpu ? 100 : 25) / best));
}

/** Middle one of the numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
