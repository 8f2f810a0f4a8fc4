import { LOWEST } from "./rows.ts";
import {
  add,
  element,
  forLanes,
  grainOf,
  lanesMax,
  lanesSum,
  rowOf,
  zeros,
} from "./rows_simd.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import {
  type F32,
  f32,
  f32x4,
  type I32,
  i32,
  v128,
} from "./wasm/instructions.ts";
import { exp, expBounded, expDown, log } from "./wasm/math.ts";

/** Form of `softmaxKernel`. */
export const softmaxSimd: SimdForm<"rows" | "cols", "x" | "out"> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.8),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const x = rowOf(f, buffers.x, row, cols);
      const out = rowOf(f, buffers.out, row, cols);
      const top = f.let(f32x4.splat(largest(f, x, cols)));
      const sums = zeros(f);
      forLanes(f, cols, ({ load, store, within }) => {
        const power = expDown(f, f32x4.sub(load(x), top));
        add(f, sums, within(power, 0));
        store(out, power);
      });
      const share = f.let(
        f32x4.div(f32x4.splat(1), f32x4.splat(lanesSum(f, sums))),
      );
      forLanes(f, cols, ({ load, store }) => {
        store(out, f32x4.mul(load(out), share));
      });
    });
  },
};

/** Form of `softmaxGradKernel`. */
export const softmaxGradSimd: SimdForm<"rows" | "cols", "y" | "g" | "dx"> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.4),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const y = rowOf(f, buffers.y, row, cols);
      const g = rowOf(f, buffers.g, row, cols);
      const dx = rowOf(f, buffers.dx, row, cols);
      const products = zeros(f);
      forLanes(f, cols, ({ load }) => {
        f.set(products, f32x4.madd(load(g), load(y), products));
      });
      const inner = f.let(f32x4.splat(lanesSum(f, products)));
      forLanes(f, cols, ({ load, store }) => {
        store(dx, f32x4.mul(load(y), f32x4.sub(load(g), inner)));
      });
    });
  },
};

/** Form of `tokenNatsKernel`. */
export const tokenNatsSimd: SimdForm<
  "rows" | "cols",
  "logits" | "targets" | "nats" | "top" | "rest"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.6),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const logits = rowOf(f, buffers.logits, row, cols);
      const top = largest(f, logits, cols);
      const shift = f.let(f32x4.splat(top));
      const sums = zeros(f);
      forLanes(f, cols, ({ load, within }) => {
        add(f, sums, within(expDown(f, f32x4.sub(load(logits), shift)), 0));
      });
      const rest = logOf(f, lanesSum(f, sums));
      f.store(element(buffers.top, row), top);
      f.store(element(buffers.rest, row), rest);
      const nats = f.let(element(buffers.nats, row));
      const target = f.let(i32.load(element(buffers.targets, row)));
      f.if(
        i32.ltU(target, cols),
        () => {
          const own = f32.load(element(logits, target));
          f.store(nats, f32.add(f32.sub(top, own), rest));
        },
        () => f.store(nats, f32.const(0)),
      );
    });
  },
};

/** Form of `tokenNatsGradKernel`. */
export const tokenNatsGradSimd: SimdForm<
  "rows" | "cols",
  "logits" | "targets" | "top" | "rest" | "g" | "dlogits"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.6),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const logits = rowOf(f, buffers.logits, row, cols);
      const dlogits = rowOf(f, buffers.dlogits, row, cols);
      const target = f.let(i32.load(element(buffers.targets, row)));
      f.if(i32.ltU(target, cols), () => {
        const g = f.let(f32.load(element(buffers.g, row)));
        const { shift, factor } = normOf(f, buffers, row);
        const scale = f.let(f32x4.mul(f32x4.splat(g), factor));
        forLanes(f, cols, ({ load, store }) => {
          const power = expDown(f, f32x4.sub(load(logits), shift));
          store(dlogits, f32x4.mul(scale, power));
        });
        const own = f.let(element(dlogits, target));
        f.store(own, f32.sub(f32.load(own), g));
      }, () => {
        forLanes(f, cols, ({ store }) => store(dlogits, f32x4.splat(0)));
      });
    });
  },
};

/** Form of `entropyKernel`. */
export const entropySimd: SimdForm<
  "rows" | "cols",
  "logits" | "nats" | "top" | "rest"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.6),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const logits = rowOf(f, buffers.logits, row, cols);
      const top = largest(f, logits, cols);
      const shift = f.let(f32x4.splat(top));
      const sums = zeros(f);
      const products = zeros(f);
      forLanes(f, cols, ({ load, within }) => {
        const below = f32x4.sub(load(logits), shift);
        const { power, bounded } = expBounded(f, below);
        const own = f.let(within(power, 0));
        add(f, sums, own);
        f.set(products, f32x4.madd(own, bounded, products));
      });
      const sum = lanesSum(f, sums);
      const rest = logOf(f, sum);
      const inner = f32.div(lanesSum(f, products), sum);
      f.store(element(buffers.top, row), top);
      f.store(element(buffers.rest, row), rest);
      f.store(element(buffers.nats, row), f32.sub(rest, inner));
    });
  },
};

/** Form of `entropyGradKernel`. */
export const entropyGradSimd: SimdForm<
  "rows" | "cols",
  "logits" | "nats" | "top" | "rest" | "g" | "dlogits"
> = {
  items: ({ rows }) => rows,
  grain: ({ cols }) => grainOf(cols, 0.8),
  emit(f, { begin, end, buffers, sizes: { cols } }): void {
    f.for({ from: begin, to: end }, (row) => {
      const logits = rowOf(f, buffers.logits, row, cols);
      const dlogits = rowOf(f, buffers.dlogits, row, cols);
      const { shift, factor, error } = normOf(f, buffers, row);
      const g = splatAt(f, buffers.g, row);
      const scale = f.let(f32x4.neg(f32x4.mul(g, factor)));
      const nats = f.let(f32x4.sub(splatAt(f, buffers.nats, row), error));
      forLanes(f, cols, ({ load, store }) => {
        const below = f32x4.sub(load(logits), shift);
        const { power, bounded } = expBounded(f, below);
        const share = f32x4.mul(scale, power);
        store(dlogits, f32x4.mul(share, f32x4.add(bounded, nats)));
      });
    });
  },
};

/**
 * What to take from the logits of a row, and what is still to be taken after
 * that: an error of the addition, by whose power shares are off.
 */
function normOf(
  f: FunctionBuilder,
  buffers: Readonly<Record<"top" | "rest", I32>>,
  row: I32,
): Readonly<Record<"shift" | "error" | "factor", Local<"v128">>> {
  const top = splatAt(f, buffers.top, row);
  const rest = splatAt(f, buffers.rest, row);
  const shift = f.let(f32x4.add(top, rest));
  const error = f.let(f32x4.sub(rest, f32x4.sub(shift, top)));
  return { shift, error, factor: exp(f, f32x4.neg(error)) };
}

/** Largest number of a row; NaN does not count. */
function largest(f: FunctionBuilder, row: I32, cols: I32): Local<"f32"> {
  const tops = f.let(f32x4.splat(LOWEST));
  // Four at a time, since each comparison waits for the one before it.
  const many = f.let(i32.and(cols, -16));
  const others = [tops, ...[1, 2, 3].map(() => f.let(tops))];
  f.for({ from: 0, to: i32.shl(many, 2), step: 64 }, (at) => {
    for (const [i, top] of others.entries()) {
      const four = v128.load(i32.add(row, at), 16 * i);
      f.set(top, f32x4.pmax(top, four));
    }
  });
  for (const top of others.slice(1)) f.set(tops, f32x4.pmax(tops, top));
  const rest = f.let(element(row, many));
  forLanes(f, i32.and(cols, 15), ({ load, within }) => {
    f.set(tops, f32x4.pmax(tops, within(load(rest), LOWEST)));
  });
  return lanesMax(f, tops);
}

function logOf(f: FunctionBuilder, value: F32): Local<"f32"> {
  return f.let(f32x4.extractLane(log(f, f32x4.splat(value)), 0));
}

/** A number of a buffer in all lanes. */
function splatAt(f: FunctionBuilder, buffer: I32, index: I32): Local<"v128"> {
  return f.let(v128.loadSplat(element(buffer, index)));
}
