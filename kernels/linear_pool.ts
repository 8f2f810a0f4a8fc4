import { Heap } from "./heap.ts";
import {
  type Block,
  type Lender,
  type MemoryUse,
  sizeClass,
  Usage,
} from "./pool.ts";

/** Alignment of blocks, and room behind each: vector loads may run over. */
const PADDING = 64;

/** A block that is a range of one memory. */
export interface LinearBlock extends Block {
  /** First byte in the memory; also the block's id. */
  readonly pointer: number;
}

/** What nobody uses between two blocks. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Blocks that are ranges of one memory, which grows and cannot shrink. Free
 * neighbours become one range, which serves any size that fits; the lowest that
 * fits is taken. So what steps get depends on nothing but what is in use, and
 * steps that ask for the same get the same.
 */
export class LinearPool implements Lender<LinearBlock> {
  readonly #grow: (end: number, bytes: number) => void;
  readonly #usage = new Usage();
  /** Free ranges that serve a size class but not the next one, by address. */
  readonly #fitting: Heap<Range>[] = [];
  readonly #byStart = new Map<number, Range>();
  readonly #byEnd = new Map<number, Range>();
  #end = PADDING;
  #grown = 0;

  /**
   * `grow` makes the memory reach to an address, for a request of some bytes;
   * it throws when it cannot, and then nothing changes.
   */
  constructor(grow: (end: number, bytes: number) => void) {
    this.#grow = grow;
  }

  /** Memory in use; what is held are all addresses that ever were in use. */
  get use(): MemoryUse {
    return this.#usage.of(this.#end);
  }

  /** How often a request needed addresses that were never in use. */
  get grown(): number {
    return this.#grown;
  }

  take(bytes: number): LinearBlock {
    const end = this.#end;
    const pointer = this.#claim(bytes);
    if (this.#end > end) this.#grown += 1;
    const block = { bytes: sizeClass(bytes), id: pointer, pointer };
    this.#usage.took(block);
    return block;
  }

  give(block: LinearBlock): void {
    this.#usage.gave(block);
    const { pointer, bytes } = block;
    const before = this.#byEnd.get(pointer);
    const after = this.#byStart.get(pointer + bytes + PADDING);
    if (before) this.#remove(before);
    if (after) this.#remove(after);
    this.#add({
      start: before?.start ?? pointer,
      end: after?.end ?? pointer + bytes + PADDING,
    });
  }

  /** Address of at least `bytes` that stay in use, and are not counted so. */
  reserve(bytes: number): number {
    return this.#claim(bytes);
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.#usage.resetPeak();
  }

  #claim(bytes: number): number {
    const size = sizeClass(bytes);
    let found: Range | undefined;
    for (let i = classIndex(size); i < this.#fitting.length; i++) {
      const lowest = this.#fitting[i]?.lowest;
      if (lowest && !(lowest.start > found?.start!)) found = lowest;
    }
    if (!found) return this.#extend(size, bytes);
    this.#remove(found);
    const start = found.start + size + PADDING;
    if (start < found.end) this.#add({ start, end: found.end });
    return found.start;
  }

  /** Takes addresses at the end, with those that are free before it. */
  #extend(size: number, bytes: number): number {
    const last = this.#byEnd.get(this.#end);
    const pointer = last?.start ?? this.#end;
    const end = pointer + size + PADDING;
    this.#grow(end, bytes);
    if (last) this.#remove(last);
    this.#end = end;
    return pointer;
  }

  #add(range: Range): void {
    this.#byStart.set(range.start, range);
    this.#byEnd.set(range.end, range);
    const index = indexOf(range);
    if (index < 0) return;
    for (let i = this.#fitting.length; i <= index; i++) {
      this.#fitting.push(new Heap(({ start }) => start));
    }
    this.#fitting[index]!.add(range);
  }

  #remove(range: Range): void {
    this.#byStart.delete(range.start);
    this.#byEnd.delete(range.end);
    const index = indexOf(range);
    if (index >= 0) this.#fitting[index]!.remove(range);
  }
}

/** Number of the largest size class that fits a range; none is below 0. */
function indexOf({ start, end }: Range): number {
  return classIndex(end - start - PADDING);
}

/** Number of the largest size class up to `bytes`, counted from 0. */
function classIndex(bytes: number): number {
  if (bytes < 1024) return Math.floor(bytes / 256) - 1;
  const octave = Math.floor(Math.log2(bytes));
  return 4 * (octave - 10) + Math.floor(bytes / 2 ** (octave - 2)) - 1;
}
