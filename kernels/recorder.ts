/** One recorded launch: plain data until the list is submitted. */
export interface Launch {
  /** Compiled form. */
  readonly pipeline: GPUComputePipeline;
  /** Buffers, and the recorder's uniforms. */
  readonly group: GPUBindGroup;
  /** Workgroups. */
  readonly grid: readonly [x: number, y: number];
  /** Kernel, for the profile. */
  readonly label: string;
}

/** Bytes between the uniforms of two launches: the alignment WebGPU demands. */
const SLOT = 256;

/** Launches in a list before it is submitted, so that the GPU starts early. */
const LONGEST = 256;

/** Start and end time of one launch, in nanoseconds. */
export interface Timing {
  /** Kernel. */
  readonly label: string;
  /** Nanoseconds on the device. */
  readonly ns: number;
}

/** Collects launches and submits them as one command buffer with one pass. */
export class Recorder {
  /** Uniform buffer that all launches share, by dynamic offset. */
  readonly uniforms: GPUBuffer;
  readonly #gpu: GPUDevice;
  readonly #launches: Launch[] = [];
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(
    LONGEST * SLOT / 4,
  );
  readonly #fractions: Float32Array = new Float32Array(this.#words.buffer);
  #submits = 0;
  /** Of the lists submitted while `time` runs. */
  #timings: Promise<Timing[]>[] | undefined;

  /** Makes an empty list for `gpu`. */
  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.uniforms = gpu.createBuffer({
      label: "uniforms",
      size: LONGEST * SLOT,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Number of the list that is being recorded; counts submits. */
  get list(): number {
    return this.#submits;
  }

  /** True when nothing waits to be submitted. */
  get empty(): boolean {
    return this.#launches.length === 0;
  }

  /**
   * Appends a launch. `values` are its uniforms in order; those at the places
   * in `fractions` are stored as f32, the others as u32.
   */
  add(
    launch: Launch,
    values: readonly number[],
    fractions: readonly boolean[],
  ): void {
    if (this.#launches.length === LONGEST) this.submit();
    const slot = this.#launches.length * (SLOT / 4);
    for (let i = 0; i < values.length; i++) {
      if (fractions[i]) this.#fractions[slot + i] = values[i]!;
      else this.#words[slot + i] = values[i]!;
    }
    this.#launches.push(launch);
  }

  /** Submits what was recorded, if anything. */
  submit(): void {
    const launches = this.#launches;
    if (launches.length === 0) return;
    const { queue } = this.#gpu;
    const words = launches.length * (SLOT / 4);
    queue.writeBuffer(this.uniforms, 0, this.#words, 0, words);
    const encoder = this.#gpu.createCommandEncoder();
    if (this.#timings) this.#timings.push(this.#encodeTimed(encoder));
    else {
      const pass = encoder.beginComputePass();
      for (let i = 0; i < launches.length; i++) encode(pass, launches[i]!, i);
      pass.end();
      queue.submit([encoder.finish()]);
    }
    launches.length = 0;
    this.#submits += 1;
  }

  /** Measures every launch of `run`; needs the feature "timestamp-query". */
  async time(run: () => void): Promise<readonly Timing[]> {
    this.submit();
    const timings: Promise<Timing[]>[] = this.#timings = [];
    try {
      run();
      this.submit();
    } finally {
      this.#timings = undefined; // others launch while these are awaited
    }
    return (await Promise.all(timings)).flat();
  }

  /** A pass for each launch, since timestamps are written at its borders. */
  async #encodeTimed(encoder: GPUCommandEncoder): Promise<Timing[]> {
    const launches = [...this.#launches];
    const querySet = this.#gpu.createQuerySet({
      type: "timestamp",
      count: 2 * launches.length,
    });
    for (const [i, launch] of launches.entries()) {
      const pass = encoder.beginComputePass({
        timestampWrites: {
          querySet,
          beginningOfPassWriteIndex: 2 * i,
          endOfPassWriteIndex: 2 * i + 1,
        },
      });
      encode(pass, launch, i);
      pass.end();
    }
    const size = 16 * launches.length;
    const resolved = this.#gpu.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const staging = this.#gpu.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.resolveQuerySet(querySet, 0, 2 * launches.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    this.#gpu.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const ticks = new BigUint64Array(staging.getMappedRange().slice(0));
    resolved.destroy();
    staging.destroy();
    querySet.destroy();
    return launches.map(({ label }, i) => ({
      label,
      ns: Number(ticks[2 * i + 1]! - ticks[2 * i]!),
    }));
  }
}

function encode(
  pass: GPUComputePassEncoder,
  { pipeline, group, grid }: Launch,
  index: number,
): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group, [index * SLOT]);
  pass.dispatchWorkgroups(grid[0], grid[1]);
}
