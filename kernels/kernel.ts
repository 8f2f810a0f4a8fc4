import type { SimdForm } from "./wasm/form.ts";

/** Type of the elements that kernels compute with. */
export type ElementType = "f32" | "u32";

/** Type of the elements of a buffer; f16 only stores what is f32 elsewhere. */
export type StoredType = ElementType | "f16";

/** Numbers as a kernel's definition sees them; f64 when it serves as oracle. */
export type NumberArray = Float32Array | Float64Array | Uint32Array;

/** Kind of machine that runs a WebGPU kernel; variants are chosen by it. */
export type DeviceClass =
  | "software"
  | "nvidia"
  | "amd"
  | "intel"
  | "apple"
  | "unknown";

/** One way to compute a kernel in WGSL. Plain text: needs no GPU to build. */
export interface WgslForm<Size extends string = string> {
  /** Name among the forms of the kernel, where `tune` may choose it. */
  readonly name?: string;
  /** Invocations in a workgroup; default 64. */
  readonly threads?: number;
  /**
   * What works on one item: an invocation, which finds its item in `id`; or a
   * whole workgroup, which finds it in `group` and its invocations in `lane`.
   */
  readonly per?: "invocation" | "workgroup";
  /** Number of items for given sizes. */
  readonly items: (sizes: Readonly<Record<Size, number>>) => number;
  /** Buffers declared as arrays of vectors of four instead of scalars. */
  readonly vectors?: readonly string[];
  /** Functions and workgroup variables in front of `main`. */
  readonly declarations?: string;
  /**
   * Statements of `main`; barriers only where every invocation of a workgroup
   * comes by, as in loops whose ends are the same for all.
   */
  readonly body: string;
  /** Whether this form may run; absent means always. */
  readonly fits?: (
    device: DeviceClass,
    sizes: Readonly<Record<Size, number>>,
  ) => boolean;
  /** Whether it should be fast where it fits; absent means always. */
  readonly prefers?: (
    device: DeviceClass,
    sizes: Readonly<Record<Size, number>>,
  ) => boolean;
}

/** Work done by one launch. */
export interface Cost {
  /** Bytes read and written at least. */
  readonly bytes: number;
  /** Floating-point operations; a multiply-add counts 2. */
  readonly flops: number;
}

/** All that there is to say about one kernel. */
export interface KernelDefinition<
  Name extends string,
  Size extends string,
> {
  /** Unique name: label in errors and profiles, key of the pipeline cache. */
  readonly name: string;
  /** What it counts as for `tune`, where kernels are alike; default `name`. */
  readonly family?: string;
  /** Buffers that are only read, in binding order. */
  readonly reads: Readonly<Partial<Record<Name, StoredType>>>;
  /** Buffers that are written, in binding order after `reads`. */
  readonly writes: Readonly<Partial<Record<Name, StoredType>>>;
  /** Whole numbers given at launch; `sizes.NAME` (u32) in WGSL. */
  readonly sizes: readonly Size[];
  /** Those of `sizes` that are fractions: f32 in WGSL, such as an epsilon. */
  readonly fractions?: readonly Size[];
  /** WGSL forms, preferred first; the last one must always fit. */
  readonly wgsl: WgslForm<Size> | readonly WgslForm<Size>[];
  /** What the kernel computes, as plain loops; also runs on `Float64Array`. */
  readonly define: (
    buffers: Readonly<Record<Name, NumberArray>>,
    sizes: Readonly<Record<Size, number>>,
  ) => void;
  /** Fast form for the processor; absent means that `define` runs. */
  readonly simd?: SimdForm<Size, Name>;
  /** Work done for given sizes. */
  readonly cost: (sizes: Readonly<Record<Size, number>>) => Cost;
}

/** A launchable kernel. Plain data: building one needs no device. */
export interface Kernel<
  Name extends string = string,
  Size extends string = string,
> extends KernelDefinition<Name, Size> {
  /** Names of all buffers in binding order: reads, then writes. */
  readonly buffers: readonly Name[];
  /** WGSL forms as a list. */
  readonly forms: readonly WgslForm<Size>[];
  /** Of each uniform, `items` first, whether it is a fraction. */
  readonly fractional: readonly boolean[];
}

/** Completes a definition. */
export function defineKernel<Name extends string, Size extends string>(
  definition: KernelDefinition<Name, Size>,
): Kernel<Name, Size> {
  const { reads, writes, wgsl } = definition;
  const buffers = [...Object.keys(reads), ...Object.keys(writes)] as Name[];
  return {
    ...definition,
    buffers,
    forms: "body" in wgsl ? [wgsl] : wgsl,
    fractional: [
      false,
      ...definition.sizes.map((name) =>
        definition.fractions?.includes(name) ?? false
      ),
    ],
  };
}

/** Largest whole number that a size may be. */
const MOST = 2 ** 32 - 1;

/**
 * Throws a `RangeError` unless all sizes of a launch that are no fractions are
 * whole numbers of 32 bits: with others kernels write anywhere, or hang.
 */
export function checkSizes<Size extends string>(
  { name, sizes: names, fractional }: Kernel<string, Size>,
  sizes: Readonly<Record<Size, number>>,
): void {
  for (let i = 0; i < names.length; i++) {
    const size = sizes[names[i]!];
    if (fractional[i + 1] || size >= 0 && size <= MOST && size % 1 === 0) {
      continue;
    }
    throw new RangeError(
      `Cannot launch ${name}: expected an integer in [0, ${MOST}] as ${
        names[i]
      }, got ${size}`,
    );
  }
}

/**
 * Index of the first form of `kernel` that fits and should be fast, or else of
 * the first that fits. Throws a `RangeError` when none does.
 */
export function chooseForm<Size extends string>(
  { name, forms }: Kernel<string, Size>,
  device: DeviceClass,
  sizes: Readonly<Record<Size, number>>,
): number {
  let first = -1;
  for (let i = 0; i < forms.length; i++) {
    const { fits, prefers } = forms[i]!;
    if (fits && !fits(device, sizes)) continue;
    if (!prefers || prefers(device, sizes)) return i;
    if (first < 0) first = i;
  }
  if (first >= 0) return first;
  throw new RangeError(
    `Cannot launch ${name}: no form fits ${JSON.stringify(sizes)}`,
  );
}

/**
 * Complete WGSL module of one form: bindings, uniforms, then `main`.
 *
 * Every form gets `sizes.items` beside its own sizes, and a guard, so that a
 * grid may be larger than the work.
 */
export function sourceOf<Size extends string>(
  kernel: Kernel<string, Size>,
  form: WgslForm<Size>,
): string {
  const { threads = 64, per = "invocation", vectors = [] } = form;
  const types = { ...kernel.reads, ...kernel.writes };
  const enable = Object.values(types).includes("f16") ? "enable f16;\n" : "";
  const bindings = kernel.buffers.map((name, i) => {
    const element = vectors.includes(name)
      ? `vec4<${types[name]}>`
      : types[name];
    const access = name in kernel.reads ? "read" : "read_write";
    return `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const fields = kernel.sizes.map((name) =>
    `${name}: ${kernel.fractions?.includes(name) ? "f32" : "u32"}`
  );
  const index = `(workgroup.y * workgroups.x + workgroup.x)`;
  const item = per === "invocation"
    ? `let id = ${index} * ${threads}u + lane;
  if (id >= sizes.items) { return; }`
    : `let group = ${index};
  if (group >= sizes.items) { return; }`;
  return `${enable}${bindings.join("\n")}
struct Sizes { items: u32, ${fields.join(", ")} }
@group(0) @binding(${kernel.buffers.length}) var<uniform> sizes: Sizes;
${form.declarations ?? ""}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${item}
  ${form.body}
}
`;
}
