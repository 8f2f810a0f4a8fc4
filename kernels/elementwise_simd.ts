import { type Expr, partsOf } from "./expression.ts";
import { expressionLanes, hasLanes } from "./expression_simd.ts";
import {
  coordinatesOf,
  element,
  forLanes,
  grainOf,
  type Lanes,
  least,
} from "./rows_simd.ts";
import type { Access } from "./strides.ts";
import type { SimdForm } from "./wasm/form.ts";
import { f32x4, i32, type V128, v128 } from "./wasm/instructions.ts";

/** Elements of an item where nothing divides them into rows. */
const PIECE = 1024;

/**
 * Form of an elementwise kernel, see `elementwise`; none where expressions have
 * no vector form, or an operand is strided even along the innermost axis.
 *
 * An item is a row along the innermost axis, or a piece of all elements.
 */
export function elementwiseSimd(
  outputs: readonly Expr[],
  accesses: ReadonlyMap<number, Access>,
  axes: number,
): SimdForm | undefined {
  const kinds = new Set(accesses.values());
  if (kinds.has("strided") || !hasLanes(outputs)) return undefined;
  const inRows = kinds.has("row") || kinds.has("column");
  const inner = `d${axes - 1}`;
  const itemLength = (sizes: Readonly<Record<string, number>>): number =>
    inRows ? sizes[inner]! : PIECE;
  const nanoseconds = partsOf(outputs).length / 10;
  return {
    items: (sizes) => Math.ceil(sizes["length"]! / (itemLength(sizes) || 1)),
    grain: (sizes) => grainOf(itemLength(sizes), nanoseconds),
    emit(f, { begin, end, buffers, sizes, fractions }): void {
      const width = inRows ? sizes[inner]! : i32.const(PIECE);
      const same = new Map<number, V128>();
      for (const [i, access] of accesses) {
        if (access === "number") {
          same.set(i, f.let(f32x4.splat(fractions[`x${i}`]!)));
        } else if (access === "scalar") {
          same.set(i, f.let(v128.loadSplat(buffers[`in${i}`]!)));
        }
      }
      f.for({ from: begin, to: end }, (item) => {
        const first = f.let(i32.mul(item, width));
        const count = least(f, i32.sub(sizes["length"]!, first), width);
        const places = inRows ? coordinatesOf(f, item, sizes, axes) : [];
        const inputs = new Map<number, (lanes: Lanes) => V128>();
        for (const [i, access] of accesses) {
          const fixed = same.get(i);
          if (fixed) {
            inputs.set(i, () => fixed);
            continue;
          }
          const offset = access === "full"
            ? first
            : places.map((place, axis) =>
              i32.mul(place, sizes[`s${i}_${axis}`]!)
            ).reduce(i32.add, i32.const(0));
          const from = f.let(element(buffers[`in${i}`]!, offset));
          if (access === "column") {
            const value = f.let(v128.loadSplat(from));
            inputs.set(i, () => value);
          } else inputs.set(i, ({ load }) => load(from));
        }
        const outs = outputs.map((_, o) =>
          f.let(element(buffers[`out${o}`]!, first))
        );
        forLanes(f, count, (lanes) => {
          const input = (i: number): V128 => inputs.get(i)!(lanes);
          expressionLanes(f, outputs, input)
            .forEach((value, o) => lanes.store(outs[o]!, value));
        });
      });
    },
  };
}
