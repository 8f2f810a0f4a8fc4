/**
 * WGSL of `order`, which maps f32 to u32 so that larger numbers are larger:
 * equal ones are equal, as 0 and -0, and NaN is above all. What it decides
 * depends on bits alone: an implementation may assume that no f32 is NaN.
 */
export function orderSource(type: "f32" | "vec4f"): string {
  const u = type === "f32" ? "u32" : "vec4u";
  return `fn order(x: ${type}) -> ${u} {
  let bits = bitcast<${u}>(x);
  let size = bits & ${u}(0x7fffffffu);
  let ordered = select(${u}(0x80000000u) + size, ${u}(0x80000000u) - size, bits > ${u}(0x80000000u));
  return select(ordered, ${u}(0xffffffffu), size > ${u}(0x7f800000u));
}`;
}
