import { assertAlmostEquals, assertEquals } from "@std/assert";
import { BLOCK, BlockProgram } from "../../kernels/block_program.ts";
import { input } from "../../kernels/expression.ts";

Deno.test("BlockProgram computes several outputs from shared parts", () => {
  const [x, y] = [input(0), input(3)];
  const product = x.mul(y);
  const program = new BlockProgram([product.add(1), product.tanh(), x]);
  assertEquals([...program.inputs.keys()].sort(), [0, 3]);
  for (let i = 0; i < BLOCK; i++) {
    program.inputs.get(0)![i] = i / 100;
    program.inputs.get(3)![i] = 2;
  }
  program.run(BLOCK);
  const [sum, tanh, same] = program.outputs;
  for (let i = 0; i < BLOCK; i += 37) {
    assertEquals(sum![i], i / 100 * 2 + 1);
    assertAlmostEquals(tanh![i]!, Math.tanh(i / 50), 1e-15);
    assertEquals(same![i], i / 100);
  }
});
