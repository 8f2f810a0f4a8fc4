import { Heap, type HeapItem } from "./heap.ts";

/** A piece of device memory that is reused as a whole. */
export interface Block extends HeapItem {
  /** Size in bytes, a size class. */
  readonly bytes: number;
}

/** Lends blocks of memory. */
export interface Lender<B extends Block> {
  /** A block of at least `bytes`; its contents are unspecified. */
  take(bytes: number): B;
  /** Gives a block back; it may be handed out again at once. */
  give(block: B): void;
}

/** Smallest block; also the alignment that WebGPU asks of buffer offsets. */
const SMALLEST = 256;

/** Memory in use, in bytes and blocks. */
export interface MemoryUse {
  /** Bytes in blocks that were taken and not given back. */
  readonly liveBytes: number;
  /** Blocks that were taken and not given back. */
  readonly liveBlocks: number;
  /** Largest `liveBytes` so far. */
  readonly peakBytes: number;
  /** Bytes held from the platform: live blocks and free ones. */
  readonly heldBytes: number;
}

/**
 * Size class of a request: four classes per octave, so at most a quarter of a
 * block is wasted.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = Math.max(2 ** (Math.floor(Math.log2(bytes - 1)) - 2), SMALLEST);
  return Math.ceil(bytes / step) * step;
}

/** Counts what is in use of some memory. */
export class Usage {
  #liveBytes = 0;
  #liveBlocks = 0;
  #peakBytes = 0;

  /** Memory in use, of `heldBytes` altogether. */
  of(heldBytes: number): MemoryUse {
    return {
      liveBytes: this.#liveBytes,
      liveBlocks: this.#liveBlocks,
      peakBytes: this.#peakBytes,
      heldBytes,
    };
  }

  /** Counts a block that was taken. */
  took({ bytes }: Block): void {
    this.#liveBytes += bytes;
    this.#liveBlocks += 1;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  /** Counts a block that was given back. */
  gave({ bytes }: Block): void {
    this.#liveBytes -= bytes;
    this.#liveBlocks -= 1;
  }

  /** Starts a new measurement of the peak. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }
}

/**
 * Blocks by size class; the free one with the lowest id is taken first. So
 * steps that ask for the same get the same blocks, whatever the order in which
 * earlier steps gave them back, and bind groups are found again.
 */
export class Pool<B extends Block> implements Lender<B> {
  readonly #create: (bytes: number) => B;
  readonly #free = new Map<number, Heap<B>>();
  readonly #usage = new Usage();
  #heldBytes = 0;

  /** `create` gets memory from the platform; it throws when there is none. */
  constructor(create: (bytes: number) => B) {
    this.#create = create;
  }

  /** Memory in use. */
  get use(): MemoryUse {
    return this.#usage.of(this.#heldBytes);
  }

  take(bytes: number): B {
    const size = sizeClass(bytes);
    const free = this.#free.get(size);
    let block = free?.lowest;
    if (block) free!.remove(block);
    else {
      block = this.#create(size);
      this.#heldBytes += size;
    }
    this.#usage.took(block);
    return block;
  }

  give(block: B): void {
    this.#usage.gave(block);
    let free = this.#free.get(block.bytes);
    if (!free) {
      free = new Heap();
      this.#free.set(block.bytes, free);
    }
    free.add(block);
  }

  /** Removes and returns every free block, to be returned to the platform. */
  drain(): B[] {
    const blocks = [...this.#free.values()].flatMap(({ items }) => items);
    this.#free.clear();
    for (const { bytes } of blocks) this.#heldBytes -= bytes;
    return blocks;
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.#usage.resetPeak();
  }
}
