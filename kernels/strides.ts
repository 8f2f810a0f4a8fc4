/**
 * How an operand is read: element by element, one element for all, by strides
 * whose innermost is 1 ("row"), 0 ("column") or another, or as a number given
 * at launch. Part of the kernel, while sizes and strides are not.
 */
export type Access =
  | "full"
  | "scalar"
  | "row"
  | "column"
  | "strided"
  | "number";

/** Operands seen along common axes, outermost first. */
export interface StridedView {
  /** Sizes of the axes. */
  readonly dims: readonly number[];
  /** For each operand, elements between neighbours along each axis. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * The same view with the fewest axes: axes of size 1 vanish, and neighbours
 * that every operand walks through in one go become one.
 */
export function collapse({ dims, strides }: StridedView): StridedView {
  const kept: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (const [axis, size] of dims.entries()) {
    if (size === 1) continue;
    const last = kept.length - 1;
    const joins = last >= 0 &&
      strides.every((own, i) => steps[i]![last] === own[axis]! * size);
    if (joins) kept[last]! *= size;
    else kept.push(size);
    const at = kept.length - 1;
    strides.forEach((own, i) => steps[i]![at] = own[axis]!);
  }
  return { dims: kept, strides: steps };
}

/**
 * WGSL declarations of the coordinates `c0`, `c1`, ... of item `id` along
 * `axes` axes of sizes `d0`, `d1`, ...; the innermost moves by `width`.
 */
export function coordinatesSource(axes: number, width = 1): string {
  const lines = ["var rest = id;"];
  for (let axis = axes - 1; axis > 0; axis--) {
    const inner = axis === axes - 1 && width > 1;
    const size = inner ? `(sizes.d${axis} / ${width}u)` : `sizes.d${axis}`;
    const step = inner ? ` * ${width}u` : "";
    lines.push(`let c${axis} = rest % ${size}${step};`, `rest /= ${size};`);
  }
  lines.push(`let c0 = rest${axes === 1 && width > 1 ? ` * ${width}u` : ""};`);
  return lines.join("\n  ");
}

/** WGSL of an element's place, from coordinates and strides `prefix0`, ... */
export function offsetSource(axes: number, prefix: string): string {
  return Array.from(
    { length: axes },
    (_, axis) => `c${axis} * sizes.${prefix}${axis}`,
  ).join(" + ");
}

/** Names of the sizes and strides of `axes` axes: `prefix0`, `prefix1`, ... */
export function axisNames(prefix: string, axes: number): string[] {
  return Array.from({ length: axes }, (_, axis) => `${prefix}${axis}`);
}

/**
 * Visits elements `start` to `start + count` of a strided operand, in runs
 * along the innermost axis: `done` elements came before, the run's first is at
 * `offset`, its neighbours follow at the innermost stride.
 */
export function forEachRun(
  dims: readonly number[],
  strides: readonly number[],
  start: number,
  count: number,
  visit: (done: number, offset: number, length: number) => void,
): void {
  const last = dims.length - 1;
  const inner = dims[last]!;
  for (let done = 0; done < count;) {
    const first = (start + done) % inner;
    let rest = Math.floor((start + done) / inner);
    let offset = first * strides[last]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      offset += (rest % dims[axis]!) * strides[axis]!;
      rest = Math.floor(rest / dims[axis]!);
    }
    const length = Math.min(count - done, inner - first);
    visit(done, offset, length);
    done += length;
  }
}

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}
