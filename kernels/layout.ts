import { defineKernel, type ElementType, type Kernel } from "./kernel.ts";
import { stridedCopySimd } from "./layout_simd.ts";
import {
  axisNames,
  collapse,
  coordinatesSource,
  forEachRun,
  offsetSource,
} from "./strides.ts";

/** Most axes of different stride patterns. */
const MAX_AXES = 5;

/** A copy between a dense array and a strided part of another. */
export interface StridedCopy {
  /** "gather" reads the strided part, "scatter" writes it. */
  readonly direction: "gather" | "scatter";
  /** Type of the elements. */
  readonly dtype: ElementType;
  /** Sizes of the axes of the dense array, outermost first. */
  readonly shape: readonly number[];
  /** Elements between neighbours of the strided part, along each axis. */
  readonly strides: readonly number[];
  /** Place of the strided part's first element; default 0. */
  readonly offset?: number;
}

/** A kernel and the sizes to launch it with. */
export interface StridedCopyLaunch {
  /** x: read, out: written; the dense one has `shape`. */
  readonly kernel: Kernel<"x" | "out", string>;
  /** Sizes, strides and offset. */
  readonly sizes: Readonly<Record<string, number>>;
}

const kernels = new Map<string, Kernel<"x" | "out", string>>();

/**
 * Kernel for a copy; kernels are shared by all copies of the same structure.
 *
 * Throws a `RangeError` when more than 5 axes are left after axes that are
 * walked through in one go were joined.
 */
export function stridedCopy(
  { direction, dtype, shape, strides, offset = 0 }: StridedCopy,
): StridedCopyLaunch {
  const view = collapse({ dims: shape, strides: [strides] });
  const axes = Math.max(view.dims.length, 1);
  if (axes > MAX_AXES) {
    throw new RangeError(
      `Cannot ${direction} [${
        shape.join(", ")
      }]: expected at most ${MAX_AXES} axes that are not walked through in one go, got ${axes}`,
    );
  }
  const sizes: Record<string, number> = { length: 1, offset };
  for (let axis = 0; axis < axes; axis++) {
    const size = view.dims[axis] ?? 1;
    sizes["length"]! *= size;
    sizes[`d${axis}`] = size;
    sizes[`s${axis}`] = view.strides[0]![axis] ?? 0;
  }
  const key = `${direction}_${dtype}_${axes}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = build(key, direction, dtype, axes);
    kernels.set(key, kernel);
  }
  return { kernel, sizes };
}

function build(
  name: string,
  direction: StridedCopy["direction"],
  dtype: ElementType,
  axes: number,
): Kernel<"x" | "out", string> {
  const at = `sizes.offset + ${offsetSource(axes, "s")}`;
  const copy = direction === "gather"
    ? `out[id] = x[${at}];`
    : `out[${at}] = x[id];`;
  return defineKernel<"x" | "out", string>({
    name,
    reads: { x: dtype },
    writes: { out: dtype },
    sizes: [
      "length",
      "offset",
      ...axisNames("d", axes),
      ...axisNames("s", axes),
    ],
    wgsl: {
      items: ({ length }) => length!,
      body: `${coordinatesSource(axes)}\n  ${copy}`,
    },
    define: ({ x, out }, sizes) => {
      const { length = 0, offset = 0 } = sizes;
      const dims = axisNames("d", axes).map((name) => sizes[name]!);
      const strides = axisNames("s", axes).map((name) => sizes[name]!);
      const step = strides.at(-1)!;
      const gather = direction === "gather";
      forEachRun(dims, strides, 0, length, (dense, at, run) => {
        const strided = offset + at;
        if (gather) {
          for (let i = 0; i < run; i++) out[dense + i] = x[strided + i * step]!;
        } else {
          for (let i = 0; i < run; i++) out[strided + i * step] = x[dense + i]!;
        }
      });
    },
    simd: stridedCopySimd(direction, axes),
    cost: ({ length }) => ({ bytes: 8 * length!, flops: 0 }),
  });
}
