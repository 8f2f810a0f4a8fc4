import { assertEquals } from "@std/assert";
import { threefry2x32, THREEFRY_WGSL } from "../../kernels/threefry.ts";

/** Key, counter and result, from the test vectors of Random123. */
const KNOWN: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [
    0xffffffff,
    0xffffffff,
    0xffffffff,
    0xffffffff,
    0x1cb996fc,
    0xbb002be7,
  ],
  [
    0x13198a2e,
    0x03707344,
    0x243f6a88,
    0x85a308d3,
    0xc4923a9c,
    0x483df7a0,
  ],
];

function words(key: readonly number[], counter: readonly number[]): number[] {
  const out = new Uint32Array(2);
  threefry2x32(key[0]!, key[1]!, counter[0]!, counter[1]!, out);
  return [...out];
}

Deno.test("threefry2x32() gives the published words", () => {
  for (const row of KNOWN) {
    assertEquals(words(row.slice(0, 2), row.slice(2, 4)), row.slice(4));
  }
});

const adapter = await navigator.gpu?.requestAdapter();

Deno.test({
  name: "THREEFRY_WGSL gives the host's words",
  ignore: !adapter,
  async fn(): Promise<void> {
    const known = KNOWN.map((row) => row.slice(0, 4));
    const more = Array.from({ length: 100 }, (_, i) => [
      ...words([1, i], [0, 0]),
      ...words([2, i], [0, 0]),
    ]);
    const calls = [...known, ...more];
    const expected = calls.map((c) => words(c.slice(0, 2), c.slice(2)));
    assertEquals(await onDevice(calls), expected);
  },
});

/** Runs the WGSL function on rows of key and counter. */
async function onDevice(calls: readonly number[][]): Promise<number[][]> {
  const device = await adapter!.requestDevice();
  const upload = (usage: number, data: Uint32Array<ArrayBuffer>): GPUBuffer => {
    const buffer = device.createBuffer({
      size: data.byteLength,
      usage: usage | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };
  const input = upload(GPUBufferUsage.STORAGE, new Uint32Array(calls.flat()));
  const blank = new Uint32Array(2 * calls.length);
  const output = upload(
    GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
    blank,
  );
  const staging = upload(GPUBufferUsage.MAP_READ, blank);

  const module = device.createShaderModule({
    code: `${THREEFRY_WGSL}
      @group(0) @binding(0) var<storage, read> calls: array<vec4u>;
      @group(0) @binding(1) var<storage, read_write> words: array<vec2u>;
      @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) {
        words[id.x] = threefry2x32(calls[id.x].xy, calls[id.x].zw);
      }`,
  });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module, entryPoint: "main" },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [input, output].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      })),
    }),
  );
  pass.dispatchWorkgroups(calls.length);
  pass.end();
  encoder.copyBufferToBuffer(output, 0, staging, 0, staging.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(staging.getMappedRange().slice(0));
  device.destroy();
  return calls.map((_, i) => [...words.subarray(2 * i, 2 * i + 2)]);
}
