import { element, grainOf, lanesSum, least, zeros } from "./rows_simd.ts";
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

/** Form of `adamwKernel`; numbers in blocks of `block` share their settings. */
export function adamwSimd(block: number): SimdForm<
  "length",
  "g" | "blocks" | "settings" | "scale" | "x" | "m" | "v"
> {
  return {
    items: ({ length }) => length / block,
    grain: () => grainOf(block, 1),
    emit(f, { begin, end, buffers }): void {
      const setting = (index: number): F32 =>
        f32.load(buffers.settings, 4 * index);
      const splat = (value: F32): Local<"v128"> => f.let(f32x4.splat(value));
      const scale = f.let(f32.load(buffers.scale));
      const factor = splat(scale);
      const rate1 = splat(setting(1));
      const rate2 = splat(setting(2));
      const eps = splat(setting(3));
      const correction2 = splat(setting(6));
      f.if(f32.ne(scale, 0), () => {
        forBlocks(f, { begin, end, block, blocks: buffers.blocks }, (part) => {
          const lr = f.let(f32.mul(setting(0), part.lrScale));
          const decay = f32.mul(f32.mul(lr, setting(4)), part.decays);
          const keep = splat(f32.sub(1, decay));
          const step = splat(f32.neg(f32.div(lr, setting(5))));
          part.forLanes((at) => {
            const x = f.let(i32.add(buffers.x, at));
            const m = f.let(i32.add(buffers.m, at));
            const v = f.let(i32.add(buffers.v, at));
            const own = v128.load(i32.add(buffers.g, at));
            const grad = f.let(f32x4.mul(own, factor));
            const mean = f.let(v128.load(m));
            f.set(mean, f32x4.madd(rate1, f32x4.sub(grad, mean), mean));
            const square = f.let(v128.load(v));
            const change = f32x4.sub(f32x4.mul(grad, grad), square);
            f.set(square, f32x4.madd(rate2, change, square));
            const root = f32x4.sqrt(f32x4.div(square, correction2));
            const move = f32x4.div(f32x4.mul(step, mean), f32x4.add(root, eps));
            f.store(x, f32x4.madd(v128.load(x), keep, move));
            f.store(m, mean);
            f.store(v, square);
          });
        });
      });
    },
  };
}

/** Form of `sgdKernel`; numbers in blocks of `block` share their settings. */
export function sgdSimd(
  block: number,
): SimdForm<"length", "g" | "blocks" | "settings" | "scale" | "x" | "m"> {
  return {
    items: ({ length }) => length / block,
    grain: () => grainOf(block, 0.4),
    emit(f, { begin, end, buffers }): void {
      const setting = (index: number): F32 =>
        f32.load(buffers.settings, 4 * index);
      const scale = f.let(f32.load(buffers.scale));
      const factor = f.let(f32x4.splat(scale));
      const momentum = f.let(f32x4.splat(setting(1)));
      f.if(f32.ne(scale, 0), () => {
        forBlocks(f, { begin, end, block, blocks: buffers.blocks }, (part) => {
          const decay = f.let(f32x4.splat(f32.mul(setting(2), part.decays)));
          const lr = f.let(f32x4.splat(f32.mul(setting(0), part.lrScale)));
          part.forLanes((at) => {
            const x = f.let(i32.add(buffers.x, at));
            const m = f.let(i32.add(buffers.m, at));
            const value = f.let(v128.load(x));
            const grad = f32x4.mul(v128.load(i32.add(buffers.g, at)), factor);
            const moved = f.let(f32x4.madd(
              decay,
              value,
              f32x4.madd(momentum, v128.load(m), grad),
            ));
            f.store(x, f32x4.sub(value, f32x4.mul(lr, moved)));
            f.store(m, moved);
          });
        });
      });
    },
  };
}

/** A block of parameters. */
interface Block {
  /** 1 when weight decay applies, otherwise 0. */
  readonly decays: F32;
  /** Factor of the learning rate. */
  readonly lrScale: F32;
  /** Writes code for all of its vectors; `at` is in bytes. */
  forLanes(body: (at: Local<"i32">) => void): void;
}

function forBlocks(
  f: FunctionBuilder,
  { begin, end, block, blocks }: {
    readonly begin: I32;
    readonly end: I32;
    readonly block: number;
    readonly blocks: I32;
  },
  body: (part: Block) => void,
): void {
  f.for({ from: begin, to: end }, (item) => {
    const settings = f.let(element(blocks, i32.shl(item, 1)));
    const first = f.let(i32.mul(item, 4 * block));
    const stop = f.let(i32.add(first, 4 * block));
    body({
      decays: f32.load(settings),
      lrScale: f32.load(settings, 4),
      forLanes: (lanes) => f.for({ from: first, to: stop, step: 16 }, lanes),
    });
  });
}

/** Sums that are worked on together, so that whole pages are read. */
const PANEL = 256;

/** What `squareSumsKernel` does where sums are tiny or not finite. */
interface Rescue {
  /** Sums below are tiny. */
  readonly tiny: number;
  /** Factor of numbers whose squares are tiny, */
  readonly up: number;
  /** and of those whose squares are not finite. */
  readonly down: number;
}

/** Form of `squareSumsKernel`. */
export function squareSumsSimd({ tiny, up, down }: Rescue): SimdForm<
  "length" | "count" | "start",
  "g" | "sums" | "scaled"
> {
  return {
    items: ({ count }) => Math.ceil(count / PANEL),
    grain: ({ length, count }) => grainOf(length / count * PANEL, 0.2),
    scratch: () => 16 * PANEL,
    emit(f, { begin, end, buffers, sizes, scratch }): void {
      const { length, count, start } = sizes;
      const groups = f.let(i32.shrU(length, 2));
      f.for({ from: begin, to: end }, (item) => {
        const first = f.let(i32.mul(item, PANEL));
        const width = least(f, i32.sub(count, first), i32.const(PANEL));
        const bytes = f.let(i32.shl(width, 4));
        f.for({ from: 0, to: bytes, step: 16 }, (at) => {
          f.store(i32.add(scratch, at), f32x4.splat(0));
        });
        f.for({ from: first, to: groups, step: count }, (group) => {
          const g = f.let(i32.add(buffers.g, i32.shl(group, 4)));
          const left = i32.shl(i32.sub(groups, group), 4);
          const stop = least(f, bytes, left);
          f.for({ from: 0, to: stop, step: 16 }, (at) => {
            const four = f.let(v128.load(i32.add(g, at)));
            const sum = f.let(i32.add(scratch, at));
            f.store(sum, f32x4.madd(four, four, v128.load(sum)));
          });
        });
        const place = f.let(i32.add(start, first));
        f.for({ from: 0, to: width }, (i) => {
          const four = f.let(v128.load(i32.add(scratch, i32.shl(i, 4))));
          const sum = lanesSum(f, four);
          const at = f.let(i32.add(place, i));
          f.store(element(buffers.sums, at), sum);
          const large = f.let(i32.eq(f32.lt(sum, Infinity), 0));
          f.if(i32.or(large, f32.lt(sum, tiny)), () => {
            const factor = f.let(f32x4.splat(up));
            f.if(large, () => f.set(factor, f32x4.splat(down)));
            const squares = zeros(f);
            const from = f.let(i32.add(first, i));
            f.for({ from, to: groups, step: count }, (group) => {
              const g = v128.load(i32.add(buffers.g, i32.shl(group, 4)));
              const scaled = f.let(f32x4.mul(g, factor));
              f.set(squares, f32x4.madd(scaled, scaled, squares));
            });
            f.store(element(buffers.scaled, at), lanesSum(f, squares));
          });
        });
      });
    },
  };
}
