import { axisNames } from "./strides.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import {
  type F32,
  f32,
  f32x4,
  type I32,
  i32,
  type V128,
  v128,
} from "./wasm/instructions.ts";

/** Time that is worth a fork, in nanoseconds. */
const FORK = 20_000;

/** Four neighbours in a row, or fewer at its end. */
export interface Lanes {
  /** Reads them from the row at an address; 0 in lanes behind its end. */
  load(row: I32): Local<"v128">;
  /** Writes them to the row at an address, and nothing behind its end. */
  store(row: I32, value: V128): void;
  /** `value`, or `otherwise` in lanes behind the end. */
  within(value: V128, otherwise: number): V128;
}

/**
 * Items of `numbers` numbers each that are worth handing to another thread.
 * `nanoseconds` is the time for one number, measured in data that fits the
 * caches.
 */
export function grainOf(numbers: number, nanoseconds: number): number {
  return Math.ceil(FORK / (nanoseconds * (numbers + 1)));
}

/** Address of a number in a buffer. */
export function element(buffer: I32, index: I32): I32 {
  return i32.add(buffer, i32.shl(index, 2));
}

/** Address of a row of a matrix with `cols` columns. */
export function rowOf(
  f: FunctionBuilder,
  matrix: I32,
  row: I32,
  cols: I32,
): Local<"i32"> {
  return f.let(element(matrix, i32.mul(row, cols)));
}

/**
 * Coordinates of a row along all of `axes` axes but the innermost, whose
 * elements it holds; `sizes` has the sizes `d0`, `d1`, ... of the axes.
 */
export function coordinatesOf(
  f: FunctionBuilder,
  row: I32,
  sizes: Readonly<Record<string, I32>>,
  axes: number,
): Local<"i32">[] {
  const rest = f.let(row);
  return axisNames("d", axes - 1).reverse().map((name) => {
    const place = f.let(i32.remU(rest, sizes[name]!));
    f.set(rest, i32.divU(rest, sizes[name]!));
    return place;
  }).reverse();
}

/** Smaller of two whole numbers. */
export function least(f: FunctionBuilder, a: I32, b: I32): Local<"i32"> {
  const [x, y] = [f.let(a), f.let(b)];
  return f.let(i32.select(x, y, i32.ltU(x, y)));
}

/** Writes code for all of the `count` numbers of rows. */
export function forLanes(
  f: FunctionBuilder,
  count: I32,
  body: (lanes: Lanes) => void,
): void {
  const whole = f.let(i32.shl(i32.and(count, -4), 2));
  f.for({ from: 0, to: whole, step: 16 }, (at) => {
    body({
      load: (row) => f.let(v128.load(i32.add(row, at))),
      store: (row, value) => f.store(i32.add(row, at), value),
      within: (value) => value,
    });
  });
  const rest = f.let(i32.and(count, 3));
  f.if(rest, () => {
    const numbers = f.let(f32x4.splat(f32.convert(rest)));
    const inside = f.let(f32x4.lt(laneNumbers(f), numbers));
    body({
      load: (row) => f.let(v128.and(v128.load(i32.add(row, whole)), inside)),
      store: (row, value) =>
        f.storeLanes(f.let(i32.add(row, whole)), f.let(value), rest),
      within: (value, otherwise) =>
        v128.select(value, f32x4.splat(otherwise), inside),
    });
  });
}

/** 0, 1, 2, 3 */
function laneNumbers(f: FunctionBuilder): V128 {
  const pair = (a: number, b: number): V128 =>
    v128.shuffle(f32x4.splat(a), f32x4.splat(b), [0, 4, 0, 4]);
  return f.let(v128.shuffle(pair(0, 1), pair(2, 3), [0, 1, 4, 5]));
}

/** New vector of zeros, to add to. */
export function zeros(f: FunctionBuilder): Local<"v128"> {
  return f.let(f32x4.splat(0));
}

/** sum += value */
export function add(
  f: FunctionBuilder,
  sum: Local<"v128">,
  value: V128,
): void {
  f.set(sum, f32x4.add(sum, value));
}

/** Sum of the four lanes. */
export function lanesSum(
  f: FunctionBuilder,
  value: Local<"v128">,
): Local<"f32"> {
  return joinLanes(f, value, f32.add);
}

/** Largest of the four lanes. */
export function lanesMax(
  f: FunctionBuilder,
  value: Local<"v128">,
): Local<"f32"> {
  return joinLanes(f, value, f32.max);
}

function joinLanes(
  f: FunctionBuilder,
  value: Local<"v128">,
  join: (a: F32, b: F32) => F32,
): Local<"f32"> {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) =>
    f32x4.extractLane(value, lane)
  ) as [F32, F32, F32, F32];
  return f.let(join(join(a, b), join(c, d)));
}
