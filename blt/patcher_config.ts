/**
 * Where patches start (Pagnoni et al., 2024, arXiv:2412.09871, section 2).
 *
 * Entropies are in nats and are compared in float32. Whatever the kind, a patch
 * starts at the first two positions of a row and of each document in it, and
 * after EOS.
 */
export type PatcherConfig =
  & (
    | EntropyPatcher
    | RelativePatcher
    | BothPatcher
    | StaticPatcher
    | CustomPatcher
    | { readonly kind: "space" | "byte" }
  )
  & {
    /** Longest patch, in bytes; a longer one is cut. Absent: no limit. */
    readonly maxBytes?: number;
  };

/** A patch starts where the entropy of the next byte exceeds a threshold. */
export interface EntropyPatcher {
  /** Tag of the union. */
  readonly kind: "entropy";
  /** In nats. */
  readonly threshold: number;
}

/** A patch starts where the entropy rises by more than a threshold. */
export interface RelativePatcher {
  /** Tag of the union. */
  readonly kind: "relative";
  /** In nats. */
  readonly threshold: number;
  /** Start a patch at the second byte of a document, as Meta's code does. */
  readonly meta?: boolean;
}

/** A patch starts where the entropy exceeds a threshold and rises. */
export interface BothPatcher {
  /** Tag of the union. */
  readonly kind: "both";
  /** Threshold of the entropy, in nats. */
  readonly threshold: number;
  /** Threshold of its rise, in nats. */
  readonly increase: number;
  /** Start a patch at the second byte and none at the third, as Meta's code does. */
  readonly meta?: boolean;
}

/** Patches of equal length. */
export interface StaticPatcher {
  /** Tag of the union. */
  readonly kind: "static";
  /** Bytes per patch. */
  readonly bytes: number;
}

/** Patches by a rule of the caller; unlike the others, it is not plain data. */
export interface CustomPatcher {
  /** Tag of the union. */
  readonly kind: "custom";
  /** Whether a patch ends with `id`; `previous` is the id before it. */
  readonly ends: (id: number, previous: number) => boolean;
}

/** Whether a patcher needs the entropy of each next byte. */
export function readsEntropy({ kind }: PatcherConfig): boolean {
  return kind === "entropy" || kind === "relative" || kind === "both";
}

/** Returns `config` unchanged, or throws a `RangeError` naming the bad field. */
export function checkPatcher(config: PatcherConfig): PatcherConfig {
  switch (config.kind) {
    case "both":
      checkNats("increase", config.increase);
      checkNats("threshold", config.threshold);
      break;
    case "entropy":
    case "relative":
      checkNats("threshold", config.threshold);
      break;
    case "static":
      checkBytes("bytes", config.bytes);
  }
  if (config.maxBytes !== undefined) checkBytes("maxBytes", config.maxBytes);
  return config;
}

function checkNats(name: string, value: number): void {
  if (!Number.isFinite(value)) {
    throw new RangeError(
      `Cannot build a patcher: ${name} must be finite, got ${value}`,
    );
  }
}

function checkBytes(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot build a patcher: ${name} must be an integer >= 1, got ${value}`,
    );
  }
}
