import {
  backward,
  crossEntropy,
  type Device,
  embedding,
  GatherIndex,
  layerNorm,
  rmsNorm,
  segmentMax,
  Segments,
  softmax,
  Tensor,
} from "../../../tensor/mod.ts";
import { assertClose, sumOf } from "../../support/close.ts";
import { deviceTest } from "../../support/devices.ts";
import {
  golden,
  type GoldenCase,
  type GoldenTensor,
} from "../../golden/golden.ts";

type Run = (device: Device, inputs: Tensor[], golden: GoldenCase) => Tensor;

/** Our operations, called like those of PyTorch that made the golden cases. */
const RUNS: Readonly<Record<string, Run>> = {
  softmax: (_, [x]) => softmax(x!),
  rmsNorm: (_, [x, gain], { params }) => rmsNorm(x!, gain!, params),
  layerNorm: (_, [x, gain, bias], { params }) =>
    layerNorm(x!, gain!, bias!, params),
  crossEntropy: (device, [logits], { integers }) => {
    // -1 means masked; as u32 it is beyond every class.
    const targets = Uint32Array.from(integers["targets"]!);
    return crossEntropy(
      logits!,
      Tensor.from(device, [targets.length], targets),
    );
  },
  embedding: (device, [table], { integers }) => {
    const ids = Uint32Array.from(integers["ids"]!);
    const rows = table!.shape[0]!;
    return embedding(table!, GatherIndex.from(device, ids, { rows }));
  },
  segmentMax: (device, [x], { integers }) => {
    const lengths = integers["lengths"]!;
    const ids = lengths.flatMap((length, p) => Array<number>(length).fill(p));
    return segmentMax(
      x!,
      Segments.fromIds(device, Uint32Array.from(ids), lengths.length),
    );
  },
};

for (const [name, run] of Object.entries(RUNS)) {
  deviceTest(`${name}() equals PyTorch's, gradients too`, async (device) => {
    const found = golden(name);
    const upload = ({ shape, data }: GoldenTensor): Tensor =>
      Tensor.from(device, shape, data);
    const inputs = found.inputs.map(upload);
    const out = run(device, inputs, found);
    assertClose(await out.data(), found.output.data, sumOf(7));
    const seed = upload(found.outputGrad!);
    const grads = backward(out, inputs, { seed });
    for (const [i, grad] of grads.entries()) {
      assertClose(await grad!.data(), found.grads[i]!.data, sumOf(21));
    }
  });
}
