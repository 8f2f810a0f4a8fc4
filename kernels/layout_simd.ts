import { coordinatesOf, element, forLanes, grainOf } from "./rows_simd.ts";
import type { SimdForm } from "./wasm/form.ts";
import { i32 } from "./wasm/instructions.ts";

/** Form of a kernel of `stridedCopy`. An item is a row of the dense array. */
export function stridedCopySimd(
  direction: "gather" | "scatter",
  axes: number,
): SimdForm<string, "x" | "out"> {
  const inner = `d${axes - 1}`;
  return {
    items: (sizes) => sizes["length"]! / (sizes[inner]! || 1),
    grain: (sizes) => grainOf(sizes[inner]!, 0.3),
    emit(f, { begin, end, buffers, sizes }): void {
      const width = sizes[inner]!;
      const step = f.let(i32.shl(sizes[`s${axes - 1}`]!, 2));
      const [dense, strided] = direction === "gather"
        ? [buffers.out, buffers.x]
        : [buffers.x, buffers.out];
      f.for({ from: begin, to: end }, (row) => {
        const near = f.let(element(dense, i32.mul(row, width)));
        const offset = coordinatesOf(f, row, sizes, axes)
          .map((place, axis) => i32.mul(place, sizes[`s${axis}`]!))
          .reduce(i32.add, sizes["offset"]!);
        const far = f.let(element(strided, offset));
        const [from, to] = direction === "gather" ? [far, near] : [near, far];
        f.if(i32.eq(step, 4), () => {
          forLanes(f, width, ({ load, store }) => store(to, load(from)));
        }, () => {
          const [fromStep, toStep] = direction === "gather"
            ? [step, 4]
            : [4, step];
          f.for({ from: 0, to: width }, () => {
            f.store(to, i32.load(from));
            f.set(from, i32.add(from, fromStep));
            f.set(to, i32.add(to, toStep));
          });
        });
      });
    },
  };
}
