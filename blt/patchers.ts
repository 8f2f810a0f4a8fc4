import { BOS, BYTE_OFFSET, EOS } from "./bytes.ts";
import {
  checkPatcher,
  type PatcherConfig,
  readsEntropy,
} from "./patcher_config.ts";

/** One row of ids with what an entropy model says about them. */
export interface PatcherRow {
  /** [T], of one or more documents. */
  readonly ids: Uint32Array;
  /** [T] in nats, of the id after each; only some patchers read them. */
  readonly entropies?: Float32Array;
}

/**
 * Decides where patches start, one id at a time.
 *
 * Every decision depends only on ids and entropies up to the one just pushed,
 * so that the patches of a prefix are a prefix of the patches.
 */
export class Patcher {
  readonly #config: PatcherConfig;
  readonly #maxBytes: number;
  readonly #readsEntropy: boolean;
  /** Of the last id, in its document. */
  #position = -1;
  /** Ids of the open patch. */
  #open = 0;
  #starts = true;
  /** EOS at first, because a row may begin with a BOS. */
  #previous = EOS;
  #previousEntropy = 0;

  /** Throws a `RangeError` naming the bad field. */
  constructor(config: PatcherConfig) {
    this.#config = checkPatcher(config);
    this.#maxBytes = config.maxBytes ?? Infinity;
    this.#readsEntropy = readsEntropy(config);
  }

  /**
   * Whether the id that follows `id` starts a patch.
   *
   * `entropy` is that of the following id, in nats. Throws a `RangeError` when
   * it is needed and not finite, and for a BOS that does not follow an EOS: its
   * start would have to be known before it is read.
   */
  push(id: number, entropy: number = NaN): boolean {
    if (this.#readsEntropy && !Number.isFinite(entropy)) {
      throw new RangeError(
        `Cannot patch by entropy: it must be finite, got ${entropy}`,
      );
    }
    if (id === BOS) {
      if (this.#previous !== EOS) {
        throw new RangeError(
          `Cannot patch a BOS inside a row: it must follow EOS (${EOS}), got ${this.#previous}`,
        );
      }
      this.#position = -1;
    }
    this.#position++;
    this.#open = this.#starts ? 1 : this.#open + 1;
    this.#starts = this.#position === 0 || id === EOS ||
      this.#open >= this.#maxBytes || this.#ends(id, Math.fround(entropy));
    this.#previous = id;
    this.#previousEntropy = Math.fround(entropy);
    return this.#starts;
  }

  /** Whether the rule ends a patch with `id`, which is not a document's first. */
  #ends(id: number, entropy: number): boolean {
    const config = this.#config;
    const position = this.#position;
    const rise = Math.fround(entropy - this.#previousEntropy);
    switch (config.kind) {
      case "entropy":
        return entropy > Math.fround(config.threshold);
      case "relative":
        if (position === 1) return config.meta === true;
        return rise > Math.fround(config.threshold);
      case "both":
        if (position === 1) return config.meta === true;
        if (position === 2 && config.meta) return false;
        return entropy > Math.fround(config.threshold) &&
          rise > Math.fround(config.increase);
      case "static":
        return position % config.bytes === 0;
      case "space":
        return id < BYTE_OFFSET ||
          isSpaceLike(id) && !isSpaceLike(this.#previous);
      case "byte":
        return true;
      case "custom":
        return config.ends(id, this.#previous);
    }
  }
}

/**
 * Start flags of one row: [T] -> [T + 1], 1 where a patch starts. The last flag
 * is for the id that follows the row.
 *
 * Throws a `RangeError` for a bad config, for entropies that are needed and are
 * not T finite numbers, and for a BOS that neither comes first nor follows EOS.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encode } from "./bytes.ts";
 *
 * const ids = encode("a club", { eos: false });
 * const starts = patchStarts({ ids }, { kind: "space" });
 * assertEquals([...starts], [1, 1, 0, 1, 0, 0, 0, 0]);
 * ```
 */
export function patchStarts(
  { ids, entropies }: PatcherRow,
  config: PatcherConfig,
): Uint8Array {
  if (readsEntropy(config) && entropies?.length !== ids.length) {
    throw new RangeError(
      `Cannot patch by entropy: there must be ${ids.length} entropies, got ${
        entropies?.length ?? "none"
      }`,
    );
  }
  const patcher = new Patcher(config);
  const starts = new Uint8Array(ids.length + 1);
  starts[0] = 1;
  for (let p = 0; p < ids.length; p++) {
    starts[p + 1] = Number(patcher.push(ids[p]!, entropies?.[p]));
  }
  return starts;
}

/**
 * Whether an id is neither digit, letter nor a continuation of UTF-8. Leads of
 * several bytes and specials count as space-like, as in Meta's code.
 */
function isSpaceLike(id: number): boolean {
  const byte = id - BYTE_OFFSET;
  const letter = byte | 0x20;
  return !(byte >= 0x30 && byte <= 0x39) &&
    !(letter >= 0x61 && letter <= 0x7a) &&
    !(byte >= 0x80 && byte <= 0xbf);
}
