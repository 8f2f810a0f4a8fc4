import { assert, assertEquals } from "@std/assert";

/**
 * What else users of tensor engines and trainers report, by the file that
 * proves that this project does right: each kind with its test, by name. The
 * other files of this folder hold what is proved nowhere else.
 */
const PROVED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "tensor/ops/reduce": {
    "sums of a million numbers": "sum() of ${length} elements",
    "more rows than a grid has columns":
      "sum() of more rows than a grid has columns",
    "more than 65,535 workgroups": "add() of more than 65,535 workgroups",
    "running sums of a million": "cumulativeSum() of a million numbers",
    "ties of a maximum": "max() gives the gradient to the first in a tie",
    "ties among a million": "argmax() takes the first of a million in a tie",
    "exponentials that overflow": "logSumExp() does not overflow",
    "means and sums of nothing": "mean() over no elements is NaN",
    "axes that are not there": "reductions throw for an axis that is not there",
  },
  "kernels/scan": {
    "running sums of indices beyond 32 bits": "scanKernels wrap u32 at 2^32",
  },
  "kernels/expression": {
    "whole powers of negative numbers":
      "expandPowers() multiplies for a whole exponent",
  },
  "tensor/backward": {
    "10,000 operations deep": "backward() goes through ten thousand operations",
    "a tensor used by many operations": "backward() adds up all paths",
  },
  "tensor/ops": {
    "one tensor as both operands": "counts each use of one tensor once",
  },
  "tensor/ops/fuse": {
    "a branch that is not taken and not finite":
      "fuse() stays finite where one branch is not",
    "more operands than a kernel binds":
      "fuse() splits gradients of many operands",
    "numbers frozen into a compiled kernel":
      "fuse() compiles nothing for another number",
  },
  "kernels/layout": {
    "more axes than a kernel walks":
      "stridedCopy() names what is too much for it",
  },
  "tensor/ops/golden": {
    "optimised and plain forms that are wrong alike":
      "() equals PyTorch's, gradients too",
  },
  "tensor/ops/attention": {
    "attention that leaks the future": "selfAttention() is causal to the bit",
    "a result that depends on the batch":
      "selfAttention() of a document does not depend on its batch",
    "memory that is quadratic in length":
      "selfAttention() needs memory linear in length",
  },
  "tensor/rotary": {
    "positions far from the start": "rotaryTable() is exact far from the start",
  },
  "kernels/dropout": {
    "random numbers that repeat":
      "dropoutKernel differs with seed, step and stream",
  },
  "tensor/tensor": {
    "a view of a tensor that was freed":
      "Tensor names itself when used after it was freed",
  },
  "tensor/gather_index": {
    "indices outside of a table":
      "GatherIndex.from() names an id outside of the table",
  },
  "kernels/open": {
    "no adapter, or one that refuses":
      "openDevice() says that there is no adapter, and the cure",
  },
  "kernels/webgpu_device": {
    "a shader that is rejected late":
      "WebgpuDevice names the kernel that WebGPU rejected",
    "a buffer beyond the limits, and a step after it":
      "WebgpuDevice refuses what it cannot hold",
    "an empty write or launch": "WebgpuDevice launches nothing for no items",
  },
  "kernels/cpu_device": {
    "no memory, and a step after it":
      "CpuDevice says that memory ran out, and goes on",
  },
  "kernels/matmul_tile_wgsl": {
    "limits that only this machine has":
      "tileForms() keep to the default limits of WebGPU",
  },
  "kernels/recorder": {
    "a list too long for one submit": "Recorder submits a long list on its own",
  },
  "kernels/wasm/team": {
    "workers that keep a process alive":
      "Team that was never closed lets the process end",
    "no shared memory, as without isolation":
      "Team works in memory that is not shared",
    "an error in a worker":
      "Team.run() throws the errors of all threads and recovers",
  },
  "training/capture": {
    "a replayed step that differs":
      "a training step replayed equals one recorded, bit for bit",
  },
  "url_import": {
    "import from a URL":
      "mod.ts loads from a URL and trains, without configuration or cache",
  },
  "nn/optimizer": {
    "steps that explode": "skips a gradient that is not finite",
  },
  "blt/trainer": {
    "a schedule that is frozen by replays":
      "Trainer follows its schedule without waiting",
  },
  "examples": {
    "a model that does not learn exclusive or":
      "examples/xor.ts learns exclusive or",
  },
  "training/overfit": {
    "a model that cannot learn a text by heart": "Blt learns 2 kB by heart",
  },
  "training/step": {
    "a backend that trains otherwise": "trains alike on both devices",
    "training that depends on threads":
      "trains to the same bits with any number of threads",
    "buffers made anew in every step":
      "trains without waits and creates nothing new",
  },
  "nn/safetensors": {
    "weights files with types that are not read":
      "readSafetensors() minds types that it does not know when they are used",
    "weights files of anybody's":
      "readSafetensors() throws nothing but SyntaxError",
  },
  "blt/patchers": {
    "patches of rows of one byte or none": "patchStarts() of the shortest rows",
    "patches of one byte over and over":
      "patchStarts() takes invalid UTF-8 and one byte over and over",
    "patches that see ahead": "patchStarts() of a prefix is a prefix",
  },
  "blt/calibrate": {
    "a threshold that suits no text":
      "calibrate() says what can be reached when the target cannot",
  },
  "blt/evaluate": {
    "a text of one byte": "evaluateStream() takes a text of one byte",
  },
  "blt/patch_view": {
    "characters cut in two":
      "PrintableStream shows characters as soon as they are whole",
  },
  "blt/generate": {
    "cached and uncached generation that differ":
      "generate() is greedy as the whole forward pass is",
    "late bytes that take longer":
      "BltSession takes as long for a late byte as for an early one",
    "special ids in the text": "continueText() never writes a special id",
  },
  "nn/sampling": {
    "draws outside of top k and top p":
      "sample() applies forbid, temperature, top k, top p in turn",
    "logits that are no distribution":
      "sample() refuses logits without a distribution",
  },
  "blt/overlap": {
    "calls that overlap":
      "generate() ten times at once writes what each does alone",
    "two devices at once":
      "generate() on two devices at once writes what it does on each",
  },
  "blt/train": {
    "data shorter than the context":
      "train() refuses bad data and options before it writes",
    "a loss that jumps when a run is resumed":
      "train() resumes to the same bits wherever it was stopped",
    "a finished run that is resumed":
      "train() evaluates when all steps were made before",
    "a run killed at any write, and full disks":
      "train() goes on wherever it was killed, or the disk was full",
    "training that diverges": "train() keeps what is good when it diverges",
  },
  "cli_stops": {
    "a process killed at any time": "cli.ts goes on wherever it was killed",
  },
  "blt/huggingface": {
    "published weights of other names":
      "fromHuggingFace() names a weight that does not fit",
  },
  "cli": {
    "mistakes on the command line": "cli.ts shows help, and usage for mistakes",
  },
};

Deno.test("kinds of faults that are proved elsewhere are proved there", async () => {
  for (const [path, kinds] of Object.entries(PROVED)) {
    const url = new URL(`../${path}_test.ts`, import.meta.url);
    const text = await Deno.readTextFile(url);
    for (const [kind, test] of Object.entries(kinds)) {
      assert(text.includes(test), `${kind}: no test "${test}" in ${path}`);
    }
  }
});

Deno.test("kinds of faults are listed once", () => {
  const kinds = Object.values(PROVED).flatMap((kinds) => Object.keys(kinds));
  assertEquals(kinds, [...new Set(kinds)]);
});
