import { assert, assertEquals } from "@std/assert";

/** A kind of fault, and the test that would notice it. */
type Row = readonly [kind: string, path: string, test: string];

/**
 * What else users of tensor engines and trainers report, and where this
 * project proves that it does right. The other files of this folder hold what
 * is proved nowhere else.
 */
const ROWS: readonly Row[] = [
  // Arrays and gradients.
  [
    "sums of a million numbers",
    "tensor/ops/reduce",
    "sum() of ${length} elements",
  ],
  [
    "more rows than a grid has columns",
    "tensor/ops/reduce",
    "sum() of more rows than a grid has columns",
  ],
  [
    "more than 65,535 workgroups",
    "tensor/ops/reduce",
    "add() of more than 65,535 workgroups",
  ],
  [
    "running sums of a million",
    "tensor/ops/reduce",
    "cumulativeSum() of a million numbers",
  ],
  [
    "running sums of indices beyond 32 bits",
    "kernels/scan",
    "scanKernels wrap u32 at 2^32",
  ],
  [
    "ties of a maximum",
    "tensor/ops/reduce",
    "max() gives the gradient to the first in a tie",
  ],
  [
    "ties among a million",
    "tensor/ops/reduce",
    "argmax() takes the first of a million in a tie",
  ],
  [
    "exponentials that overflow",
    "tensor/ops/reduce",
    "logSumExp() does not overflow",
  ],
  [
    "means and sums of nothing",
    "tensor/ops/reduce",
    "mean() over no elements is NaN",
  ],
  [
    "axes that are not there",
    "tensor/ops/reduce",
    "reductions throw for an axis that is not there",
  ],
  [
    "whole powers of negative numbers",
    "kernels/expression",
    "pow() of a whole exponent multiplies",
  ],
  [
    "10,000 operations deep",
    "tensor/backward",
    "backward() goes through ten thousand operations",
  ],
  [
    "a tensor used by many operations",
    "tensor/backward",
    "backward() adds up all paths",
  ],
  [
    "one tensor as both operands",
    "tensor/ops",
    "counts each use of one tensor once",
  ],
  [
    "a branch that is not taken and not finite",
    "tensor/ops/fuse",
    "fuse() stays finite where one branch is not",
  ],
  [
    "more operands than a kernel binds",
    "tensor/ops/fuse",
    "fuse() splits gradients of many operands",
  ],
  [
    "more axes than a kernel walks",
    "kernels/layout",
    "stridedCopy() names what is too much for it",
  ],
  [
    "numbers frozen into a compiled kernel",
    "tensor/ops/fuse",
    "fuse() compiles nothing for another number",
  ],
  [
    "optimised and plain forms that are wrong alike",
    "tensor/ops/golden",
    "() equals PyTorch's, gradients too",
  ],
  [
    "attention that leaks the future",
    "tensor/ops/attention",
    "selfAttention() is causal to the bit",
  ],
  [
    "a result that depends on the batch",
    "tensor/ops/attention",
    "selfAttention() of a document does not depend on its batch",
  ],
  [
    "memory that is quadratic in length",
    "tensor/ops/attention",
    "selfAttention() needs memory linear in length",
  ],
  [
    "positions far from the start",
    "tensor/rotary",
    "rotaryTable() is exact far from the start",
  ],
  [
    "random numbers that repeat",
    "kernels/dropout",
    "dropoutKernel differs with seed, step and stream",
  ],
  [
    "a view of a tensor that was freed",
    "tensor/tensor",
    "Tensor names itself when used after it was freed",
  ],
  [
    "indices outside of a table",
    "tensor/gather_index",
    "GatherIndex.from() names an id outside of the table",
  ],
  // Devices and memory.
  [
    "no adapter, or one that refuses",
    "kernels/open",
    "openDevice() says that there is no adapter, and the cure",
  ],
  [
    "a shader that is rejected late",
    "kernels/webgpu_device",
    "WebgpuDevice names the kernel that WebGPU rejected",
  ],
  [
    "a buffer beyond the limits, and a step after it",
    "kernels/webgpu_device",
    "WebgpuDevice refuses what it cannot hold",
  ],
  [
    "no memory, and a step after it",
    "kernels/cpu_device",
    "CpuDevice says that memory ran out, and goes on",
  ],
  [
    "limits that only this machine has",
    "kernels/matmul_tile_wgsl",
    "tileForms() keep to the default limits of WebGPU",
  ],
  [
    "an empty write or launch",
    "kernels/webgpu_device",
    "WebgpuDevice launches nothing for no items",
  ],
  [
    "a list too long for one submit",
    "kernels/recorder",
    "Recorder submits a long list on its own",
  ],
  [
    "workers that keep a process alive",
    "kernels/wasm/team",
    "Team that was never closed lets the process end",
  ],
  [
    "no shared memory, as without isolation",
    "kernels/wasm/team",
    "Team works in memory that is not shared",
  ],
  [
    "an error in a worker",
    "kernels/wasm/team",
    "Team.run() throws the errors of all threads and recovers",
  ],
  [
    "a replayed step that differs",
    "training/capture",
    "a training step replayed equals one recorded, bit for bit",
  ],
  [
    "import from a URL",
    "url_import",
    "mod.ts loads from a URL and trains, without configuration or cache",
  ],
  // Layers, optimizers and weights.
  ["steps that explode", "nn/optimizer", "skips a gradient that is not finite"],
  [
    "a schedule that is frozen by replays",
    "blt/trainer",
    "Trainer follows its schedule without waiting",
  ],
  [
    "a model that does not learn exclusive or",
    "examples",
    "examples/xor.ts learns exclusive or",
  ],
  [
    "a model that cannot learn a text by heart",
    "training/overfit",
    "Blt learns 2 kB by heart",
  ],
  [
    "a backend that trains otherwise",
    "training/step",
    "trains alike on both devices",
  ],
  [
    "training that depends on threads",
    "training/step",
    "trains to the same bits with any number of threads",
  ],
  [
    "buffers made anew in every step",
    "training/step",
    "trains without waits and creates nothing new",
  ],
  [
    "weights files with types that are not read",
    "nn/safetensors",
    "readSafetensors() minds types that it does not know when they are used",
  ],
  [
    "weights files of anybody's",
    "nn/safetensors",
    "readSafetensors() throws nothing but SyntaxError",
  ],
  // Texts, patches and generation.
  [
    "patches of rows of one byte or none",
    "blt/patchers",
    "patchStarts() of the shortest rows",
  ],
  [
    "patches of one byte over and over",
    "blt/patchers",
    "patchStarts() takes invalid UTF-8 and one byte over and over",
  ],
  [
    "patches that see ahead",
    "blt/patchers",
    "patchStarts() of a prefix is a prefix",
  ],
  [
    "a threshold that suits no text",
    "blt/calibrate",
    "calibrate() says what can be reached when the target cannot",
  ],
  [
    "a text of one byte",
    "blt/evaluate",
    "evaluateStream() takes a text of one byte",
  ],
  [
    "characters cut in two",
    "blt/patch_view",
    "PrintableStream shows characters as soon as they are whole",
  ],
  [
    "cached and uncached generation that differ",
    "blt/generate",
    "generate() is greedy as the whole forward pass is",
  ],
  [
    "late bytes that take longer",
    "blt/generate",
    "BltSession takes as long for a late byte as for an early one",
  ],
  [
    "special ids in the text",
    "blt/generate",
    "continueText() never writes a special id",
  ],
  [
    "draws outside of top k and top p",
    "nn/sampling",
    "sample() applies forbid, temperature, top k, top p in turn",
  ],
  [
    "logits that are no distribution",
    "nn/sampling",
    "sample() refuses logits without a distribution",
  ],
  [
    "calls that overlap",
    "blt/overlap",
    "generate() ten times at once writes what each does alone",
  ],
  [
    "two devices at once",
    "blt/overlap",
    "generate() on two devices at once writes what it does on each",
  ],
  // Runs.
  [
    "data shorter than the context",
    "blt/train",
    "train() refuses bad data and options before it writes",
  ],
  [
    "a loss that jumps when a run is resumed",
    "blt/train",
    "train() resumes to the same bits wherever it was stopped",
  ],
  [
    "a finished run that is resumed",
    "blt/train",
    "train() evaluates when all steps were made before",
  ],
  [
    "a run killed at any write, and full disks",
    "blt/train",
    "train() goes on wherever it was killed, or the disk was full",
  ],
  [
    "a process killed at any time",
    "cli_stops",
    "cli.ts goes on wherever it was killed",
  ],
  [
    "training that diverges",
    "blt/train",
    "train() keeps what is good when it diverges",
  ],
  [
    "published weights of other names",
    "blt/huggingface",
    "fromHuggingFace() names a weight that does not fit",
  ],
  [
    "mistakes on the command line",
    "cli",
    "cli.ts shows help, and usage for mistakes",
  ],
];

function textOf(path: string): Promise<string> {
  return Deno.readTextFile(new URL(`../${path}_test.ts`, import.meta.url));
}

Deno.test("kinds of faults that are proved elsewhere are proved there", async () => {
  for (const [kind, path, test] of ROWS) {
    const found = (await textOf(path)).includes(test);
    assert(found, `${kind}: no test "${test}" in ${path}_test.ts`);
  }
});

Deno.test("kinds of faults are listed once", () => {
  for (const column of [0, 2] as const) {
    const names = ROWS.map((row) => row[column]);
    assertEquals(names, [...new Set(names)]);
  }
});
