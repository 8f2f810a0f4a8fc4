import { assertEquals } from "@std/assert";
import { defineKernel, type WgslForm } from "../../kernels/mod.ts";
import { orderSource } from "../../kernels/order.ts";
import { deviceTest } from "../support/devices.ts";

/** Ascending, where neighbours in one list count the same. */
const ORDER: readonly (readonly number[])[] = [
  [-Infinity],
  [-3.4028234663852886e38],
  [-1],
  [-(2 ** -126)],
  [-(2 ** -149)],
  [-0, 0],
  [2 ** -149],
  [2 ** -126],
  [1],
  [1 + 2 ** -23],
  [3.4028234663852886e38],
  [Infinity],
];
/** NaN of either sign, whose last bit is set or not. */
const NANS = Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, ~0);

function form(width: 1 | 4): WgslForm<"length"> {
  return {
    items: ({ length }) => length / width,
    vectors: width === 4 ? ["x", "out"] : [],
    declarations: orderSource(width === 4 ? "vec4f" : "f32"),
    body: "out[id] = order(x[id]);",
  };
}

for (const width of [1, 4] as const) {
  deviceTest(`order() of ${width} at a time puts NaN last`, async (device) => {
    if (device.kind === "cpu") return;
    const numbers = Float32Array.from(ORDER.flat());
    const bits = Uint32Array.of(...new Uint32Array(numbers.buffer), ...NANS, 0);
    const length = Math.ceil(bits.length / 4) * 4;
    const [x, out] = [device.allocate(4 * length), device.allocate(4 * length)];
    device.write(x, bits);
    const kernel = defineKernel({
      name: `order_${width}`,
      reads: { x: "f32" },
      writes: { out: "u32" },
      sizes: ["length"],
      wgsl: form(width),
      define: (): void => {},
      cost: () => ({ bytes: 0, flops: 0 }),
    });
    device.launch(kernel, { x, out }, { length });
    const [found] = await device.read([out]);
    const all = [...new Uint32Array(found!)];
    const ranks = ORDER.flatMap((same, rank) => same.map(() => rank));
    const keys = all.slice(0, ranks.length);
    const ascending = [...new Set(keys)].sort((a, b) => a - b);
    assertEquals(keys.map((key) => ascending.indexOf(key)), ranks);
    const nans = all.slice(ranks.length, ranks.length + NANS.length);
    assertEquals(nans, Array(NANS.length).fill(0xffffffff));
    device.free(x);
    device.free(out);
  });
}
