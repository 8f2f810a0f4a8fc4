import type { Sample } from "../sample.ts";
import { matmulSamples } from "./matmul.ts";

/** One row per use of an operation; `ops_test.ts` derives the tests. */
export const samples: readonly Sample[] = [
  ...matmulSamples,
];
