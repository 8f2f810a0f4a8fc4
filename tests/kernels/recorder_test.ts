import { assertEquals } from "@std/assert";
import { Recorder } from "../../kernels/recorder.ts";

/** A GPU that writes down what it is told. */
function fake(): { gpu: GPUDevice; log: string[]; uniforms: Uint32Array[] } {
  const log: string[] = [];
  const uniforms: Uint32Array[] = [];
  const pass = {
    setPipeline: (pipeline: string) => log.push(`pipeline ${pipeline}`),
    setBindGroup: (_: number, group: string, offsets: number[]) =>
      log.push(`group ${group} at ${offsets}`),
    dispatchWorkgroups: (x: number, y: number) => log.push(`grid ${x} ${y}`),
    end: () => log.push("end"),
  };
  const encoder = {
    beginComputePass: () => (log.push("pass"), pass),
    finish: () => "list",
  };
  const gpu = {
    createBuffer: () => "buffer",
    createCommandEncoder: () => encoder,
    queue: {
      writeBuffer: (
        _: string,
        at: number,
        words: Uint32Array,
        from: number,
        count: number,
      ) => {
        log.push(`write ${at}`);
        uniforms.push(words.slice(from, from + count));
      },
      submit: (lists: string[]) => log.push(`submit ${lists}`),
    },
  };
  return { gpu: gpu as unknown as GPUDevice, log, uniforms };
}

function launch(label: string): Parameters<Recorder["add"]>[0] {
  return {
    pipeline: `p${label}` as unknown as GPUComputePipeline,
    group: `g${label}` as unknown as GPUBindGroup,
    grid: [3, 2],
    label,
  };
}

Deno.test("Recorder submits one pass with the uniforms of each launch", () => {
  const { gpu, log, uniforms } = fake();
  const recorder = new Recorder(gpu);
  recorder.submit();
  assertEquals([log, recorder.list, recorder.empty], [[], 0, true]);
  recorder.add(launch("a"), [7, 0.5], [false, true]);
  recorder.add(launch("b"), [9], [false]);
  assertEquals([log, recorder.list, recorder.empty], [[], 0, false]);
  recorder.submit();
  assertEquals(log, [
    "write 0",
    "pass",
    ...["pipeline pa", "group ga at 0", "grid 3 2"],
    ...["pipeline pb", "group gb at 256", "grid 3 2"],
    "end",
    "submit list",
  ]);
  assertEquals([recorder.list, recorder.empty], [1, true]);
  const [words] = uniforms;
  assertEquals([words!.length, words![0], words![64]], [128, 7, 9]);
  assertEquals(new Float32Array(words!.buffer)[1], 0.5);
});

Deno.test("Recorder submits a long list on its own", () => {
  const { gpu, log } = fake();
  const recorder = new Recorder(gpu);
  for (let i = 0; i < 256; i++) recorder.add(launch("a"), [i], [false]);
  assertEquals(recorder.list, 0);
  recorder.add(launch("b"), [0], [false]);
  assertEquals([recorder.list, recorder.empty], [1, false]);
  assertEquals(log.filter((line) => line.startsWith("grid")).length, 256);
  recorder.submit();
  assertEquals(log.at(-3), "grid 3 2");
  assertEquals(log.filter((line) => line === "submit list").length, 2);
});
