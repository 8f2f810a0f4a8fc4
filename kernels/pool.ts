/** A piece of device memory that is reused as a whole. */
export interface Block {
  /** Size in bytes, a size class. */
  readonly bytes: number;
  /** Number that no other block of the device ever had. */
  readonly id: number;
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

/**
 * Blocks by size class; the free one with the lowest id is taken first. So
 * steps that ask for the same get the same blocks, whatever the order in which
 * earlier steps gave them back, and bind groups are found again.
 */
export class Pool<B extends Block> {
  readonly #create: (bytes: number) => B;
  /** Highest id first. */
  readonly #free = new Map<number, B[]>();
  #liveBytes = 0;
  #liveBlocks = 0;
  #peakBytes = 0;
  #heldBytes = 0;

  /** `create` gets memory from the platform; it throws when there is none. */
  constructor(create: (bytes: number) => B) {
    this.#create = create;
  }

  /** Memory in use. */
  get use(): MemoryUse {
    return {
      liveBytes: this.#liveBytes,
      liveBlocks: this.#liveBlocks,
      peakBytes: this.#peakBytes,
      heldBytes: this.#heldBytes,
    };
  }

  /** A block of at least `bytes`; its contents are unspecified. */
  take(bytes: number): B {
    const size = sizeClass(bytes);
    let block = this.#free.get(size)?.pop();
    if (!block) {
      block = this.#create(size);
      this.#heldBytes += size;
    }
    this.#liveBytes += size;
    this.#liveBlocks += 1;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return block;
  }

  /** Gives a block back; it may be handed out again at once. */
  give(block: B): void {
    this.#liveBytes -= block.bytes;
    this.#liveBlocks -= 1;
    const free = this.#free.get(block.bytes) ?? [];
    const at = free.findLastIndex(({ id }) => id > block.id) + 1;
    free.splice(at, 0, block);
    this.#free.set(block.bytes, free);
  }

  /** Removes and returns every free block, to be returned to the platform. */
  drain(): B[] {
    const blocks = [...this.#free.values()].flat();
    this.#free.clear();
    for (const { bytes } of blocks) this.#heldBytes -= bytes;
    return blocks;
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }
}
