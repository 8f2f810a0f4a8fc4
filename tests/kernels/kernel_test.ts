import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  copyKernel,
  defineKernel,
  fillKernel,
  type Kernel,
  narrowKernel,
  type WgslForm,
} from "../../kernels/mod.ts";
import { chooseForm, sourceOf } from "../../kernels/kernel.ts";
import { deviceTest } from "../support/devices.ts";

type Size = "length" | "factor";

function scale(
  wgsl: readonly WgslForm<Size>[],
): Kernel<"x" | "ids" | "y", Size> {
  return defineKernel({
    name: "scale",
    reads: { x: "f32", ids: "u32" },
    writes: { y: "f32" },
    sizes: ["length", "factor"],
    fractions: ["factor"],
    wgsl,
    define: (): void => {},
    cost: () => ({ bytes: 0, flops: 0 }),
  });
}

const items = ({ length }: Readonly<Record<Size, number>>): number => length;

Deno.test("sourceOf() declares what the body uses", () => {
  const form = { items, body: "y[id] = x[ids[id]] * sizes.factor;" };
  const kernel = scale([form]);
  assertEquals(kernel.buffers, ["x", "ids", "y"]);
  assertEquals(
    sourceOf(kernel, form),
    `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
struct Sizes { items: u32, length: u32, factor: f32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
  if (id >= sizes.items) { return; }
  y[id] = x[ids[id]] * sizes.factor;
}
`,
  );
});

Deno.test("sourceOf() gives a workgroup its item, and vectors", () => {
  const form: WgslForm<Size> = {
    items,
    threads: 32,
    per: "workgroup",
    vectors: ["x", "ids"],
    declarations: "var<workgroup> part: array<f32, 32>;",
    body: "part[lane] = 0.0;",
  };
  const source = sourceOf(scale([form]), form);
  for (
    const line of [
      "var<storage, read> x: array<vec4<f32>>;",
      "var<storage, read> ids: array<vec4<u32>>;",
      "y: array<f32>;",
      "var<workgroup> part: array<f32, 32>;",
      "@workgroup_size(32)",
      "let group = (workgroup.y * workgroups.x + workgroup.x);",
      "if (group >= sizes.items) { return; }",
    ]
  ) assertEquals(source.includes(line), true, line);
});

Deno.test("sourceOf() enables f16 where a buffer holds it", () => {
  const [form] = narrowKernel.forms;
  const source = sourceOf(narrowKernel, form!);
  assertMatch(source, /^enable f16;\n.*x: array<vec4<f32>>;\n/);
  assertStringIncludes(source, "read_write> out: array<vec4<f16>>;");
});

Deno.test("chooseForm() takes the first that fits and should be fast", () => {
  const body = "";
  const kernel = scale([
    { items, body, fits: (device) => device === "nvidia" },
    { items, body, fits: (_, { length }) => length % 4 === 0 },
    { items, body, fits: (_, { length }) => length > 1 },
  ]);
  const choose = (device: "nvidia" | "software", length: number): number =>
    chooseForm(kernel, device, { length, factor: 1 });
  assertEquals(
    [choose("nvidia", 3), choose("software", 8), choose("software", 7)],
    [0, 1, 2],
  );
  const unloved = scale([
    { items, body, fits: () => false },
    { items, body, prefers: () => false },
    { items, body, prefers: (device) => device === "nvidia" },
  ]);
  const sizes = { length: 1, factor: 1 };
  assertEquals(chooseForm(unloved, "nvidia", sizes), 2);
  assertEquals(chooseForm(unloved, "software", sizes), 1);
  assertThrows(
    () => choose("software", 1),
    RangeError,
    'Cannot launch scale: no form fits {"length":1,"factor":1}',
  );
});

deviceTest("a launch refuses sizes that are none", (device) => {
  const [x, out] = [device.allocate(16), device.allocate(16)];
  const { launches } = device.counts;
  for (const length of [NaN, -1, 0.5, Infinity, 2 ** 32, undefined]) {
    assertThrows(
      () => device.launch(copyKernel, { x, out }, { length: length as number }),
      RangeError,
      `Cannot launch copy: expected an integer in [0, 4294967295] as length, got ${length}`,
    );
  }
  assertEquals(device.counts.launches, launches);
  // Numbers of an expression may be any.
  device.launch(fillKernel, { out }, { length: 4, value: NaN });
  device.free(x);
  device.free(out);
});
