import { assertEquals } from "@std/assert";
import { CpuDevice } from "../../../kernels/cpu_device.ts";
import {
  matmulKernel,
  type MatmulStructure,
  panelled,
  panelsKernel,
} from "../../../kernels/mod.ts";
import { input } from "../../../kernels/expression.ts";
import { sumOf } from "../../support/close.ts";
import { Draw } from "../../support/for_all.ts";
import { simdTest } from "../../support/simd.ts";

/** [n, k] with columns and steps left over, and more than one run of steps. */
const SHAPES = [[1, 1], [8, 4], [9, 0], [37, 5], [12, 259], [
  260,
  515,
]] as const;

/** c of the first `m` rows. */
async function product(
  structure: MatmulStructure,
  { m, n, k }: Record<"m" | "n" | "k", number>,
  inputs: Readonly<Record<"a" | "b" | "bias" | "base", Float32Array>>,
): Promise<Float32Array> {
  using device = new CpuDevice({ threads: 1 });
  const placed = (data: Float32Array): ReturnType<CpuDevice["allocate"]> => {
    const storage = device.allocate(data.byteLength);
    device.write(storage, data);
    return storage;
  };
  const [c, pre] = [0, 1].map(() => placed(new Float32Array(m * n)));
  device.launch(matmulKernel({ transposeB: true, ...structure }), {
    a: placed(inputs.a.subarray(0, m * k)),
    b: placed(inputs.b),
    bias: placed(inputs.bias),
    base: placed(inputs.base.subarray(0, m * n)),
    c: c!,
    pre: pre!,
  }, { batch: 1, m, n, k });
  const [bytes] = await device.read([c!]);
  return new Float32Array(bytes!);
}

for (
  const structure of [
    {},
    { bias: true, base: true },
    { bias: true, base: true, activation: input(0).tanh() },
  ]
) {
  for (const panelsB of [false, true]) {
    simdTest(
      matmulKernel({ transposeB: true, panelsB, ...structure }),
      SHAPES.flatMap(([n, k]) =>
        [1, panelsB ? 5 : 3].map((m) => ({
          sizes: { batch: 2, m, n, k },
          buffers: {
            a: 2 * m * k,
            b: 2 * (panelsB ? panelled(n) : n) * k,
            bias: n,
            base: 2 * m * n,
            c: 2 * m * n,
            pre: 2 * m * n,
          },
        }))
      ),
      sumOf(4 * 4 * 515),
    );
  }
  const name = Object.keys(structure).join(", ");
  Deno.test(`matvecSimd() gives the bits of matmulSimd(), ${name}`, async () => {
    const draw = new Draw(1);
    const numbers = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => draw.uniform() - 0.5);
    const m = 7;
    for (const [n, k] of SHAPES) {
      const [a, b, bias, base] = [m * k, n * k, n, m * n].map(numbers) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const all = await product(structure, { m, n, k }, { a, b, bias, base });
      const panels = new Float32Array(panelled(n) * k);
      panelsKernel.define({ x: b, out: panels }, { n, k });
      for (const few of [1, 2, 3, 4, 5]) {
        for (const panelsB of [false, true]) {
          assertEquals(
            await product(
              { ...structure, panelsB },
              { m: few, n, k },
              { a, b: panelsB ? panels : b, bias, base },
            ),
            all.subarray(0, few * n),
            `${few} rows of [${n}, ${k}], panels: ${panelsB}`,
          );
        }
      }
    }
  });
}
