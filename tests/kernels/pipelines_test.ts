import { assertEquals, assertStrictEquals } from "@std/assert";
import { copyKernel, fillKernel, type Storage } from "../../kernels/mod.ts";
import { Pipelines } from "../../kernels/pipelines.ts";

/** A GPU that gives numbers for objects and writes down its bind groups. */
function fake(): { gpu: GPUDevice; groups: GPUBindGroupDescriptor[] } {
  const groups: GPUBindGroupDescriptor[] = [];
  let made = 0;
  const gpu = {
    createShaderModule: () => made++,
    createPipelineLayout: () => made++,
    createBindGroupLayout: () => made++,
    createComputePipeline: () => ({ made: made++ }),
    createBindGroup: (group: GPUBindGroupDescriptor) => {
      groups.push(group);
      return { made: made++ };
    },
  };
  return { gpu: gpu as unknown as GPUDevice, groups };
}

function storage(id: number, offset = 0): Storage {
  const block = { id, place: 0, bytes: 512, buffer: `buffer ${id}`, list: 0 };
  return { block, offset, bytes: 256 };
}

Deno.test("Pipelines makes each pipeline and each bind group once", () => {
  const { gpu, groups } = fake();
  const pipelines = new Pipelines(gpu, "uniforms" as unknown as GPUBuffer);
  const [copy, fill] = [copyKernel.forms[0]!, fillKernel.forms[0]!];
  const bind = (x: Storage, out: Storage): ReturnType<Pipelines["bind"]> =>
    pipelines.bind(copyKernel, copy, [x, out]);
  const first = bind(storage(1), storage(2, 256));
  assertStrictEquals(bind(storage(1), storage(2, 256)).group, first.group);
  assertEquals(pipelines.counts, { pipelines: 1, bindGroups: 1 });
  const other = bind(storage(1), storage(2));
  assertStrictEquals(other.pipeline, first.pipeline);
  pipelines.bind(fillKernel, fill, [storage(1)]);
  assertEquals(pipelines.counts, { pipelines: 2, bindGroups: 3 });
  assertEquals(
    groups.map(({ entries }) => [...entries].map(({ resource }) => resource)),
    [
      [
        { buffer: "buffer 1", offset: 0 },
        { buffer: "buffer 2", offset: 256 },
        { buffer: "uniforms", size: 256 },
      ],
      [
        { buffer: "buffer 1", offset: 0 },
        { buffer: "buffer 2", offset: 0 },
        { buffer: "uniforms", size: 256 },
      ],
      [{ buffer: "buffer 1", offset: 0 }, { buffer: "uniforms", size: 256 }],
    ] as unknown as GPUBindingResource[][],
  );
  pipelines.clear();
  bind(storage(1), storage(2));
  assertEquals(pipelines.counts, { pipelines: 2, bindGroups: 4 });
});
