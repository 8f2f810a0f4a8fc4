import { Heap } from "./heap.ts";
import {
  type Block,
  type Lender,
  type MemoryUse,
  sizeClass,
  Usage,
} from "./pool.ts";

/**
 * Bytes in which addresses and sizes are counted here, and that lie behind each
 * block: vector loads may run over.
 */
const UNIT = 64;

/**
 * A range of one memory: a block, or what nobody uses between two of them. Once
 * it is given back, it may become part of another range.
 */
export class LinearBlock implements Block {
  bytes = 0;
  /** Where it starts, in units. */
  id: number;
  place = 0;
  /** Where it ends, in units. */
  end: number;
  /** Whether nobody uses it. */
  free = false;
  /** The range that ends where this one starts. */
  previous: LinearBlock | undefined;
  /** The range that starts where this one ends. */
  next: LinearBlock | undefined;

  /** From one address to another, in units. */
  constructor(id: number, end: number) {
    this.id = id;
    this.end = end;
  }

  /** First byte in the memory. */
  get pointer(): number {
    return this.id * UNIT;
  }
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
  /** Free ranges that serve a size class but not the next one. */
  readonly #fitting: Heap<LinearBlock>[] = [];
  #last: LinearBlock | undefined;
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
    return this.#usage.of((this.#last?.end ?? 1) * UNIT);
  }

  /** How often a request needed addresses that were never in use. */
  get grown(): number {
    return this.#grown;
  }

  take(bytes: number): LinearBlock {
    const last = this.#last?.end;
    const block = this.#claim(bytes);
    if (this.#last!.end !== last) this.#grown += 1;
    this.#usage.took(block);
    return block;
  }

  give(block: LinearBlock): void {
    this.#usage.gave(block);
    const { previous, next } = block;
    if (next?.free) {
      this.#remove(next);
      this.#join(block, next);
    }
    if (previous?.free) {
      this.#remove(previous);
      this.#join(previous, block);
      this.#add(previous);
    } else this.#add(block);
  }

  /** Address of at least `bytes` that stay in use, and are not counted so. */
  reserve(bytes: number): number {
    return this.#claim(bytes).pointer;
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.#usage.resetPeak();
  }

  #claim(bytes: number): LinearBlock {
    const fitting = this.#fitting;
    const size = sizeClass(bytes);
    const units = size / UNIT + 1;
    let found: LinearBlock | undefined;
    for (let i = classIndex(units); i < fitting.length; i++) {
      const { lowest } = fitting[i]!;
      if (lowest && (!found || lowest.id < found.id)) found = lowest;
    }
    if (found) this.#remove(found);
    else found = this.#extend(units, bytes);
    const block = found.end - found.id === units
      ? found
      : this.#split(found, units);
    block.bytes = size;
    return block;
  }

  /** A range at the end, with what is free before it. */
  #extend(units: number, bytes: number): LinearBlock {
    const last = this.#last;
    const start = last?.free ? last.id : last?.end ?? 1;
    const end = start + units;
    this.#grow(end * UNIT, bytes);
    if (last?.free) {
      this.#remove(last);
      last.end = end;
      return last;
    }
    const range = new LinearBlock(start, end);
    range.previous = last;
    if (last) last.next = range;
    this.#last = range;
    return range;
  }

  /** Takes the first units off a range; what is left becomes free. */
  #split(range: LinearBlock, units: number): LinearBlock {
    const middle = range.id + units;
    const block = new LinearBlock(range.id, middle);
    const { previous } = range;
    block.previous = previous;
    block.next = range;
    if (previous) previous.next = block;
    range.previous = block;
    range.id = middle;
    this.#add(range);
    return block;
  }

  /** Makes a range end where the next one did, which is no more. */
  #join(range: LinearBlock, { end, next }: LinearBlock): void {
    range.end = end;
    range.next = next;
    if (next) next.previous = range;
    else this.#last = range;
  }

  #add(range: LinearBlock): void {
    range.free = true;
    const index = classIndex(range.end - range.id);
    if (index < 0) return;
    for (let i = this.#fitting.length; i <= index; i++) {
      this.#fitting.push(new Heap());
    }
    this.#fitting[index]!.add(range);
  }

  #remove(range: LinearBlock): void {
    range.free = false;
    const index = classIndex(range.end - range.id);
    if (index >= 0) this.#fitting[index]!.remove(range);
  }
}

/**
 * Number of the largest size class that fits into `units`, counted from 0; below
 * 0 when none does.
 */
function classIndex(units: number): number {
  const quarters = Math.floor((units - 1) * (UNIT / 256));
  if (quarters < 4) return quarters - 1;
  const octave = Math.floor(Math.log2(quarters));
  return 4 * octave + Math.floor(quarters / 2 ** (octave - 2)) - 9;
}
