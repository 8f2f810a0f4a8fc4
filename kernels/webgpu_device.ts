import { CapturePool } from "./capture.ts";
import type {
  Capture,
  Device,
  DeviceCounts,
  HostArray,
  Storage,
} from "./device.ts";
import { DeviceError } from "./errors.ts";
import {
  checkSizes,
  chooseForm,
  type Cost,
  type DeviceClass,
  type Kernel,
} from "./kernel.ts";
import { type GpuBlock, Pipelines } from "./pipelines.ts";
import { type MemoryUse, Pool } from "./pool.ts";
import { type KernelTime, Profile } from "./profile.ts";
import { type Launch, Recorder } from "./recorder.ts";
import { tunedForm, type Tuning } from "./tuning.ts";

/** One launch with all that recording it takes. */
interface Recorded {
  readonly launch: Launch;
  readonly values: readonly number[];
  readonly fractions: readonly boolean[];
  readonly blocks: readonly GpuBlock[];
  readonly cost: () => Cost;
}

/** Options of a WebGPU device. */
export interface WebgpuOptions {
  /** Choose kernel variants as for this class, whatever the adapter is. */
  readonly as?: DeviceClass;
  /** Forms of kernels as `tune` found them on this adapter. */
  readonly tuning?: Tuning;
}

/** Most workgroups along one axis of a grid (WebGPU's default limit). */
const GRID = 65535;

/** Free bytes that are kept, however little is in use. */
const SPARE = 2 ** 28;

/** Limits worth raising when the adapter offers more. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
] as const;

/** Class of an adapter, from what it says of itself. */
export function deviceClass(info: GPUAdapterInfo): DeviceClass {
  const text = `${info.vendor} ${info.description} ${info.device}`;
  if (
    info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|software|microsoft basic/i.test(text)
  ) return "software";
  if (/nvidia|geforce|tesla|quadro|\b4318\b/i.test(text)) return "nvidia";
  if (/apple/i.test(text)) return "apple";
  if (/\bamd\b|radeon|\b4098\b/i.test(text)) return "amd";
  if (/intel|\b32902\b/i.test(text)) return "intel";
  return "unknown";
}

/** A GPU through WebGPU: launches are recorded and submitted as lists. */
export class WebgpuDevice implements Device {
  readonly kind = "webgpu";
  readonly class: DeviceClass;
  readonly halves: boolean;
  readonly description: string;
  readonly #gpu: GPUDevice;
  readonly #recorder: Recorder;
  readonly #pool: Pool<GpuBlock> = new Pool((bytes) => this.#create(bytes));
  readonly #blocksInUse = new CapturePool(this.#pool);
  readonly #pipelines: Pipelines;
  readonly #tuning: Tuning | undefined;
  #costs: { label: string; cost: Cost }[] | undefined;
  #blocks = 0;
  #launches = 0;
  #waits = 0;
  #failure: DeviceError | undefined;

  private constructor(
    gpu: GPUDevice,
    description: string,
    { as, tuning }: WebgpuOptions & { readonly as: DeviceClass },
  ) {
    this.#gpu = gpu;
    this.class = as;
    this.halves = gpu.features.has("shader-f16");
    this.#tuning = tuning;
    this.description = description;
    this.#recorder = new Recorder(gpu);
    this.#pipelines = new Pipelines(gpu, this.#recorder.uniforms);
    // WebGPU reports a rejected kernel late and to nobody, and its output is
    // zeros; the next submit or read throws instead.
    gpu.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#failure ??= new DeviceError(
        error instanceof GPUOutOfMemoryError
          ? `Cannot go on: the GPU is out of memory at ${this.memory.liveBytes} bytes in use, ${this.memory.heldBytes} held; use a smaller batch, context or model`
          : `Cannot go on: WebGPU rejected a command: ${error.message}`,
        error,
      );
    });
    gpu.lost.then(({ reason, message }) => {
      if (reason === "destroyed") return;
      this.#failure = new DeviceError(
        `Cannot go on: the GPU was lost (${
          message || "no reason given"
        }); run again with --resume to continue from the last checkpoint`,
      );
    });
  }

  /** Opens an adapter's device; rejects with a `DeviceError`. */
  static async open(
    adapter: GPUAdapter,
    options: WebgpuOptions = {},
  ): Promise<WebgpuDevice> {
    const { info } = adapter;
    const requiredLimits = Object.fromEntries(
      LIMITS.map((name) => [name, adapter.limits[name]]),
    );
    const requiredFeatures = (["timestamp-query", "shader-f16"] as const)
      .filter((name) => adapter.features.has(name));
    let gpu: GPUDevice;
    try {
      gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures });
    } catch (cause) {
      throw new DeviceError(
        `Cannot open a WebGPU device: the adapter "${info.description}" refused`,
        cause,
      );
    }
    const as = options.as ?? deviceClass(info);
    const name = info.description || info.device || info.vendor ||
      "unnamed adapter";
    const note = deviceClass(info) === "software" ? ", software" : "";
    return new WebgpuDevice(gpu, `${name}${note}`, { ...options, as });
  }

  get memory(): MemoryUse {
    return this.#pool.use;
  }

  get counts(): DeviceCounts {
    return {
      launches: this.#launches,
      submits: this.#recorder.list,
      waits: this.#waits,
      blocks: this.#blocks,
      ...this.#pipelines.counts,
    };
  }

  allocate(bytes: number): Storage {
    return { block: this.#blocksInUse.take(bytes), offset: 0, bytes };
  }

  free(storage: Storage): void {
    this.#blocksInUse.give(storage.block as GpuBlock);
  }

  write(storage: Storage, data: HostArray): void {
    if (data.length === 0) return; // Deno ends the process on empty writes
    const block = storage.block as GpuBlock;
    const { buffer, list } = block;
    this.#blocksInUse.wrote(block, data, (data) => this.write(storage, data));
    // A queued write overtakes recorded launches that still need the old data.
    if (list === this.#recorder.list && !this.#recorder.empty) this.submit();
    const source = data as HostArray & ArrayBufferView<ArrayBuffer>;
    this.#gpu.queue.writeBuffer(buffer, storage.offset, source);
  }

  launch<Name extends string, Size extends string>(
    kernel: Kernel<Name, Size>,
    buffers: Readonly<Record<Name, Storage>>,
    sizes: Readonly<Record<Size, number>>,
  ): void {
    checkSizes(kernel, sizes);
    const tuned = this.#tuning &&
      tunedForm(this.#tuning, kernel, this.class, sizes);
    const form = kernel.forms[tuned ?? chooseForm(kernel, this.class, sizes)]!;
    const items = form.items(sizes);
    if (items === 0) return;
    const { threads = 64, per = "invocation" } = form;
    const groups = per === "invocation" ? Math.ceil(items / threads) : items;
    const y = Math.ceil(groups / GRID);
    const storages = kernel.buffers.map((name) => buffers[name]);
    const launch = {
      ...this.#pipelines.bind(kernel, form, storages),
      grid: [Math.ceil(groups / y), y] as const,
      label: kernel.name,
    };
    const values = [items, ...kernel.sizes.map((name) => sizes[name])];
    const recorded = {
      launch,
      values,
      fractions: kernel.fractional,
      blocks: storages.map(({ block }) => block as GpuBlock),
      cost: () => kernel.cost(sizes),
    };
    this.#blocksInUse.launched(recorded.blocks, () => this.#record(recorded));
    this.#record(recorded);
  }

  capture(run: () => void): Capture {
    return this.#blocksInUse.capture(run);
  }

  submit(): void {
    this.#recorder.submit();
    this.#check();
  }

  async read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    this.#recorder.submit();
    const encoder = this.#gpu.createCommandEncoder();
    const staging = storages.map(({ block, offset, bytes }) => {
      const size = Math.max(4, Math.ceil(bytes / 4) * 4);
      const target = this.#gpu.createBuffer({
        size,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      const { buffer } = block as GpuBlock;
      encoder.copyBufferToBuffer(buffer, offset, target, 0, size);
      return target;
    });
    this.#gpu.queue.submit([encoder.finish()]);
    this.#waits += 1;
    try {
      await Promise.all(staging.map((it) => it.mapAsync(GPUMapMode.READ)));
      this.#check();
      return staging.map((buffer, i) =>
        buffer.getMappedRange().slice(0, storages[i]!.bytes)
      );
    } catch (error) {
      this.#check();
      throw new DeviceError("Cannot read from the GPU: it was closed", error);
    } finally {
      for (const buffer of staging) buffer.destroy();
    }
  }

  async idle(): Promise<void> {
    this.#recorder.submit();
    this.#waits += 1;
    await this.#gpu.queue.onSubmittedWorkDone();
    this.#check();
  }

  trim(): void {
    this.submit();
    this.#release();
    this.#pool.resetPeak();
  }

  async profile(run: () => void): Promise<readonly KernelTime[]> {
    if (!this.#gpu.features.has("timestamp-query")) {
      throw new DeviceError(
        `Cannot profile kernels: "${this.description}" lacks timestamp-query`,
      );
    }
    await this.idle();
    const costs: { label: string; cost: Cost }[] = [];
    const timings = await this.#recorder.time(() => {
      this.#costs = costs;
      try {
        run();
      } finally {
        this.#costs = undefined;
      }
    });
    const profile = new Profile();
    timings.forEach(({ label, ns }, i) =>
      profile.add(label, ns / 1e6, costs[i]!.cost)
    );
    return profile.times;
  }

  [Symbol.dispose](): void {
    this.#gpu.destroy();
  }

  #record({ launch, values, fractions, blocks, cost }: Recorded): void {
    this.#launches += 1;
    this.#recorder.add(launch, values, fractions);
    this.#costs?.push({ label: launch.label, cost: cost() });
    const { list } = this.#recorder;
    for (const block of blocks) block.list = list;
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Destroys free blocks, after what was recorded and may use them. */
  #release(): void {
    this.#recorder.submit();
    for (const { buffer } of this.#pool.drain()) buffer.destroy();
    this.#pipelines.clear();
  }

  #create(bytes: number): GpuBlock {
    // WebGPU tells too late that memory ran out. So blocks whose sizes nobody
    // asks for any more go before as much is free as ever was in use.
    const { heldBytes, liveBytes, peakBytes } = this.memory;
    if (heldBytes - liveBytes > Math.max(peakBytes, SPARE)) this.#release();
    const most = this.#gpu.limits.maxStorageBufferBindingSize;
    if (bytes > most) {
      throw new DeviceError(
        `Cannot allocate ${bytes} bytes: "${this.description}" binds at most ${most}; use a smaller batch, context or model`,
      );
    }
    const buffer = this.#gpu.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
        GPUBufferUsage.COPY_DST,
    });
    return { buffer, bytes, id: this.#blocks++, place: 0, list: -1 };
  }
}
