import type { Cost } from "./kernel.ts";

/** Time that one kernel took in all its launches. */
export interface KernelTime extends Cost {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Number of launches. */
  readonly launches: number;
  /** Time in milliseconds. */
  readonly ms: number;
}

/** Adds up launches by kernel. */
export class Profile {
  readonly #times = new Map<string, KernelTime>();

  /** Adds one launch that took `ms` milliseconds. */
  add(kernel: string, ms: number, cost: Cost): void {
    const sum = this.#times.get(kernel) ??
      { kernel, launches: 0, ms: 0, bytes: 0, flops: 0 };
    this.#times.set(kernel, {
      kernel,
      launches: sum.launches + 1,
      ms: sum.ms + ms,
      bytes: sum.bytes + cost.bytes,
      flops: sum.flops + cost.flops,
    });
  }

  /** One entry per kernel, slowest first. */
  get times(): readonly KernelTime[] {
    return [...this.#times.values()].sort((a, b) => b.ms - a.ms);
  }
}
