import { assertEquals } from "@std/assert";
import {
  attentionKernel,
  type DeviceClass,
  matmulKernel,
  openDevice,
  tunedForm,
  tuningKey,
} from "../../kernels/mod.ts";
import { input } from "../../kernels/expression.ts";
import { devices } from "../support/devices.ts";

const SIZES = { batch: 1, m: 500, n: 64, k: 0 };

Deno.test("tuningKey() rounds sizes, and leaves epilogues out", () => {
  const key = "matmul_nt batch 1 m 512 n 64 k 0";
  assertEquals(tuningKey(matmulKernel({ transposeB: true }), SIZES), key);
  const kernel = matmulKernel({
    transposeB: true,
    bias: true,
    activation: input(0).exp(),
  });
  assertEquals(tuningKey(kernel, { ...SIZES, m: 600 }), key);
});

Deno.test("tunedForm() gives the form of the table where it fits", () => {
  const kernel = matmulKernel();
  const index = (name: string, sizes = SIZES): string | undefined => {
    const tuning = { [tuningKey(kernel, sizes)]: name };
    const form = tunedForm(tuning, kernel, "nvidia", sizes);
    return form === undefined ? form : kernel.forms[form]!.name;
  };
  assertEquals(index("tile 64"), "tile 64");
  assertEquals(index("tile 64", { ...SIZES, n: 63 }), undefined);
  assertEquals(index("gone"), undefined);
  assertEquals(tunedForm({}, kernel, "nvidia", SIZES), undefined);
  const attention = attentionKernel(4);
  const sizes = {
    queries: 8,
    heads: 1,
    qStride: 4,
    kvStride: 8,
    kOffset: 0,
    pairs: 8,
    longest: 8,
  };
  const tuning = { [tuningKey(attention, sizes)]: "tiles" };
  const tuned = (device: DeviceClass): number | undefined =>
    tunedForm(tuning, attention, device, sizes);
  assertEquals([tuned("nvidia"), tuned("software")], [0, undefined]);
});

Deno.test({
  name: "openDevice() runs the forms of a table",
  ignore: devices.length < 2,
  async fn(): Promise<void> {
    const kernel = matmulKernel();
    const sizes = { batch: 1, m: 4, n: 4, k: 4 };
    const tuning = { [tuningKey(kernel, sizes)]: "planted" };
    using device = await openDevice("webgpu", { tuning });
    const [a, b, c] = [64, 64, 64].map((bytes) => device.allocate(bytes));
    const buffers = { a: a!, b: b!, c: c!, bias: c!, base: c!, pre: c! };
    const planted = {
      ...kernel,
      forms: [...kernel.forms, {
        name: "planted",
        items: (): number => 1,
        body: "c[0] = 42.0;",
      }],
    };
    device.launch(planted, buffers, sizes);
    const [bytes] = await device.read([c!]);
    assertEquals(new Float32Array(bytes!)[0], 42);
  },
});
