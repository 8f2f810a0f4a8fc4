/** Faults that no test notices, and why that is right. */
export const KNOWN: readonly {
  /** File, from the root. */
  readonly path: string;
  /** The line as it is. */
  readonly before: string;
  /** The line with the fault. */
  readonly after: string;
  /** Why no test can, or need, notice it. */
  readonly reason: string;
}[] = [];
