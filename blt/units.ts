import { documentStarts, patchBounds, readablePatches } from "./patching.ts";

/**
 * Units of one level, those of all rows of a batch one after the other: bytes,
 * patches, groups of patches.
 */
export interface Units {
  /** Number of units in each row. [B] */
  readonly lengths: readonly number[];
  /** First unit of the document that each unit belongs to. [R] */
  readonly documents: Uint32Array;
}

/** What no row of a batch has more of. */
export interface RowExtent {
  /** Units in a row. */
  readonly units: number;
  /** Documents in a row; rounded up, so that few sizes occur. */
  readonly documents: number;
}

/** Extent of the largest rows; documents are rounded up to a power of 2. */
export function extentOf({ lengths, documents }: Units): RowExtent {
  let most = 1;
  let at = 0;
  for (const length of lengths) {
    const row = documents.subarray(at, at + length);
    most = Math.max(most, new Set(row).size);
    at += length;
  }
  return {
    units: lengths.reduce((a, b) => Math.max(a, b), 0),
    documents: 2 ** Math.ceil(Math.log2(most)),
  };
}

/** How the units of one level make up those of the next. */
export interface Grouping {
  /** Group j holds the units from bounds[j] up to, and without, bounds[j + 1]. */
  readonly bounds: Uint32Array;
  /** Newest group that each unit may read. [R] */
  readonly readable: Uint32Array;
  /** The groups, as units of the next level. */
  readonly groups: Units;
}

/** Bytes as units; a document begins with each BOS. ids: [B, N] */
export function byteUnits(ids: Uint32Array, lengths: readonly number[]): Units {
  const documents = new Uint32Array(ids.length);
  let at = 0;
  for (const length of lengths) {
    const row = documentStarts(ids.subarray(at, at + length));
    documents.set(row.map((start) => start + at), at);
    at += length;
  }
  return { lengths, documents };
}

/**
 * Groups units by their start flags, for each row its length + 1 of them, as
 * `patchStarts` gives. Throws a `RangeError` where a unit would have to read a
 * group of another document.
 */
export function groupUnits(
  { lengths, documents }: Units,
  starts: readonly Uint8Array[],
): Grouping {
  const bounds: number[] = [];
  const readable = new Uint32Array(documents.length);
  const groupLengths: number[] = [];
  let at = 0;
  for (const [row, length] of lengths.entries()) {
    const before = bounds.length;
    const flags = starts[row]!;
    for (const bound of patchBounds(flags).subarray(0, -1)) {
      bounds.push(at + bound);
    }
    readablePatches(flags).forEach((group, unit) => {
      readable[at + unit] = before + group;
    });
    groupLengths.push(bounds.length - before);
    at += length;
  }
  bounds.push(at);
  const wrong = readable.findIndex((group, unit) =>
    documents[bounds[group]!] !== documents[unit]
  );
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot group unit ${wrong}: expected the first unit of its document to be a group of its own, which can be read, got a longer one`,
    );
  }
  return {
    bounds: Uint32Array.from(bounds),
    readable,
    groups: {
      lengths: groupLengths,
      documents: documentsOf(bounds, documents),
    },
  };
}

/** First group of each group's document: a document starts a group. */
function documentsOf(
  bounds: readonly number[],
  documents: Uint32Array,
): Uint32Array {
  const first = new Map<number, number>();
  return Uint32Array.from(bounds.slice(0, -1), (bound, group) => {
    const document = documents[bound]!;
    const known = first.get(document) ?? group;
    first.set(document, known);
    return known;
  });
}
