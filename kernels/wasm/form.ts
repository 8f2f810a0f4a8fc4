import { FunctionBuilder } from "./assembler.ts";
import { type F32, type I32, i32 } from "./instructions.ts";

/** Values that the body of a form finds. */
export interface SimdArguments<
  Size extends string = string,
  Name extends string = string,
> {
  /** First item to work on. */
  readonly begin: I32;
  /** End of the items, not included. */
  readonly end: I32;
  /** Address of each buffer; 64 bytes behind its end may be read too. */
  readonly buffers: Readonly<Record<Name, I32>>;
  /** Sizes of the launch. */
  readonly sizes: Readonly<Record<Size, I32>>;
  /** Those of the sizes that are fractions. */
  readonly fractions: Readonly<Record<Size, F32>>;
  /** Address of this thread's scratch memory, a multiple of 64. */
  readonly scratch: I32;
}

/** A kernel as WebAssembly for the processor. */
export interface SimdForm<
  Size extends string = string,
  Name extends string = string,
> {
  /**
   * Number of independent items. Threads share them out in ranges that differ
   * from run to run, so no result may depend on where a range begins or ends.
   */
  items(sizes: Readonly<Record<Size, number>>): number;
  /** Fewest items that are worth handing to another thread; default 1. */
  grain?(sizes: Readonly<Record<Size, number>>): number;
  /** Bytes of scratch memory for each thread; default 0. */
  scratch?(sizes: Readonly<Record<Size, number>>): number;
  /** Writes the code that works on items `begin` to `end`. */
  emit(f: FunctionBuilder, values: SimdArguments<Size, Name>): void;
  /** Whether this form may run; absent means always. */
  fits?(sizes: Readonly<Record<Size, number>>): boolean;
}

/** The form `few` where `size` is at most `most`, and `many` above that. */
export function upTo<Size extends string, Name extends string>(
  { size, most }: { readonly size: Size; readonly most: number },
  { few, many }: Readonly<Record<"few" | "many", SimdForm<Size, Name>>>,
): SimdForm<Size, Name> {
  const of = (sizes: Readonly<Record<Size, number>>): SimdForm<Size, Name> =>
    sizes[size] <= most ? few : many;
  return {
    items: (sizes) => of(sizes).items(sizes),
    grain: (sizes) => of(sizes).grain?.(sizes) ?? 1,
    scratch: (sizes) => of(sizes).scratch?.(sizes) ?? 0,
    emit: (f, values) =>
      f.if(
        i32.leU(values.sizes[size], most),
        () => few.emit(f, values),
        () => many.emit(f, values),
      ),
  };
}

/** What must be known of a kernel to run its SIMD form. */
export interface SimdKernel {
  /** Unique name: key of the compiled code. */
  readonly name: string;
  /** Names of buffers, in the order of their addresses. */
  readonly buffers: readonly string[];
  /** Names of sizes. */
  readonly sizes: readonly string[];
  /** Those of `sizes` that are fractions. */
  readonly fractions?: readonly string[];
  /** The form itself. */
  readonly simd?: SimdForm;
}

/**
 * Binary module of a kernel's form. Its export `run` takes begin, end, the
 * addresses of all buffers, all sizes, and the address of scratch memory.
 * Throws a `TypeError` when the kernel has no such form.
 */
export function assemble(
  kernel: SimdKernel,
  { shared }: { readonly shared: boolean },
): Uint8Array<ArrayBuffer> {
  const { name, simd, fractions = [] } = kernel;
  if (!simd) {
    throw new TypeError(`Cannot assemble ${name}: it has no SIMD form`);
  }
  const f = new FunctionBuilder();
  const begin = f.parameter("i32");
  const end = f.parameter("i32");
  const buffers: Record<string, I32> = {};
  for (const buffer of kernel.buffers) buffers[buffer] = f.parameter("i32");
  const sizes: Record<string, I32> = {};
  const reals: Record<string, F32> = {};
  for (const size of kernel.sizes) {
    if (fractions.includes(size)) reals[size] = f.parameter("f32");
    else sizes[size] = f.parameter("i32");
  }
  const scratch = f.parameter("i32");
  simd.emit(f, { begin, end, buffers, sizes, fractions: reals, scratch });
  return f.module({ shared });
}
