import type { Storage } from "./device.ts";
import { type Kernel, sourceOf, type WgslForm } from "./kernel.ts";
import type { Block } from "./pool.ts";

/** A block is one WebGPU buffer. */
export interface GpuBlock extends Block {
  /** Buffer that holds the block and nothing else. */
  readonly buffer: GPUBuffer;
  /** Last list that mentions the buffer. */
  list: number;
}

/** A form made ready to run. */
interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly layoutKey: string;
}

/** Pipelines and bind groups of a GPU, each made once. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #uniforms: GPUBuffer;
  readonly #compiled = new Map<WgslForm, Compiled>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #groups = new Map<string, GPUBindGroup>();
  #bindGroups = 0;

  /** Every bind group ends with a slot of `uniforms`. */
  constructor(gpu: GPUDevice, uniforms: GPUBuffer) {
    this.#gpu = gpu;
    this.#uniforms = uniforms;
  }

  /** Pipelines compiled and bind groups created so far. */
  get counts(): Readonly<Record<"pipelines" | "bindGroups", number>> {
    return { pipelines: this.#compiled.size, bindGroups: this.#bindGroups };
  }

  /** What runs a form of a kernel on `storages`, its buffers in order. */
  bind(
    kernel: Kernel,
    form: WgslForm,
    storages: readonly Storage[],
  ): { pipeline: GPUComputePipeline; group: GPUBindGroup } {
    const compiled = this.#compile(kernel, form);
    const { pipeline } = compiled;
    return { pipeline, group: this.#group(compiled, storages) };
  }

  /** Drops the bind groups, which keep buffers from being collected. */
  clear(): void {
    this.#groups.clear();
  }

  #compile(kernel: Kernel, form: WgslForm): Compiled {
    const known = this.#compiled.get(form);
    if (known) return known;
    const label = kernel.name;
    const layoutKey = kernel.buffers
      .map((name) => name in kernel.reads ? "r" : "w").join("");
    const layout = this.#layout(layoutKey);
    const compiled = {
      layout,
      layoutKey,
      pipeline: this.#gpu.createComputePipeline({
        label,
        layout: this.#gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: {
          module: this.#gpu.createShaderModule({
            label,
            code: sourceOf(kernel, form),
          }),
        },
      }),
    };
    this.#compiled.set(form, compiled);
    return compiled;
  }

  /** Layout for a pattern of read ("r") and written ("w") buffers. */
  #layout(key: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(key);
    if (!layout) {
      const visibility = GPUShaderStage.COMPUTE;
      const storage: GPUBindGroupLayoutEntry[] = [...key].map((access, i) => ({
        binding: i,
        visibility,
        buffer: { type: access === "r" ? "read-only-storage" : "storage" },
      }));
      layout = this.#gpu.createBindGroupLayout({
        entries: [...storage, {
          binding: key.length,
          visibility,
          buffer: { type: "uniform", hasDynamicOffset: true },
        }],
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  #group(
    { layout, layoutKey }: Compiled,
    storages: readonly Storage[],
  ): GPUBindGroup {
    let key = layoutKey;
    for (const { block, offset } of storages) key += ` ${block.id}+${offset}`;
    let group = this.#groups.get(key);
    if (!group) {
      const entries = storages.map(({ block, offset }, binding) => ({
        binding,
        resource: { buffer: (block as GpuBlock).buffer, offset },
      }));
      group = this.#gpu.createBindGroup({
        layout,
        entries: [...entries, {
          binding: storages.length,
          resource: { buffer: this.#uniforms, size: 256 },
        }],
      });
      this.#groups.set(key, group);
      this.#bindGroups += 1;
    }
    return group;
  }
}
