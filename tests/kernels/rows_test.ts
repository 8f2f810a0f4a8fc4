import { assertEquals, assertStringIncludes } from "@std/assert";
import { chooseForm, defineKernel } from "../../kernels/mod.ts";
import { rowForms } from "../../kernels/rows.ts";

const forms = rowForms({
  matrices: ["x"],
  loops: 2,
  body: ({ type, each, total }) => `
  var parts = ${type}();
  ${each("parts += x[at];")}
  ${total("sum", "parts")}`,
});
const kernel = defineKernel({
  name: "probe",
  reads: { x: "f32" },
  writes: {},
  sizes: ["rows", "cols"],
  wgsl: forms,
  define: () => {},
  cost: () => ({ bytes: 0, flops: 0 }),
});

Deno.test("rowForms() shares a row only on real GPUs", () => {
  const forms = (["nvidia", "software"] as const).map((device) =>
    [4, 6].map((cols) => chooseForm(kernel, device, { rows: 1, cols }))
  );
  assertEquals(forms, [[0, 2], [1, 2]]);
});

Deno.test("rowForms() shares a row that is too long for one invocation", () => {
  for (const device of ["nvidia", "software"] as const) {
    const found = [32_767, 32_769, 131_072].map((cols) =>
      chooseForm(kernel, device, { rows: 1, cols })
    );
    assertEquals(found, [2, 3, 0]);
  }
});

Deno.test("rowForms() counts the turns of all loops", () => {
  const fits = [32_767, 32_768].map((cols) =>
    forms[2]!.fits!("software", { rows: 1, cols })
  );
  assertEquals(fits, [true, false]);
});

Deno.test("rowForms() adds up the four parts of a vector", () => {
  assertStringIncludes(forms[1]!.body, "let sum = dot(parts, vec4f(1.0));");
  assertStringIncludes(forms[2]!.body, "let sum = parts;");
});
