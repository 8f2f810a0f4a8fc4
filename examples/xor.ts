/**
 * Learns exclusive or: two matrices, a gradient and a loop.
 *
 *     deno run examples/xor.ts
 *
 * @module
 */
// deno-lint-ignore-file no-console
import {
  backward,
  matmul,
  mean,
  mul,
  noGrad,
  openDevice,
  Rng,
  Scope,
  sigmoid,
  square,
  storeRows,
  sub,
  tanh,
  Tensor,
} from "../mod.ts";

using device = await openDevice();
using _scope = new Scope(); // frees what was made in it
console.log(`device: ${device.kind}, ${device.description}`);

// The last number of each row is 1, so that its weight is the bias.
const inputs = [0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1];
const x = Tensor.from(device, [4, 3], inputs);
const y = Tensor.from(device, [4, 1], [0, 1, 1, 0]);

const rng = new Rng(1);
function weights(rows: number, columns: number): Tensor {
  const numbers = Array.from(
    { length: rows * columns },
    () => 2 * rng.uniform() - 1,
  );
  return Tensor.from(device, [rows, columns], numbers);
}
const w1 = weights(3, 8);
const w2 = weights(8, 1);

for (let step = 1; step <= 500; step++) {
  using _step = new Scope();
  const hidden = tanh(matmul(x, w1)); // [4, 8]
  const output = sigmoid(matmul(hidden, w2)); // [4, 1]
  const loss = mean(square(sub(output, y))); // []
  const gradients = backward(loss, [w1, w2]);
  for (const [i, w] of [w1, w2].entries()) {
    const next = noGrad(() => sub(w, mul(gradients[i]!, 4)));
    storeRows(w, next, { at: 0 });
  }
  if (step % 100 === 0) {
    const [error = NaN] = await loss.data();
    const found = [...await output.data()].map((value) => value.toFixed(2));
    console.log(`step ${step}: error ${error.toFixed(4)}, ${found.join(" ")}`);
  }
}
