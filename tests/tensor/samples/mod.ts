import type { Sample } from "../sample.ts";
import { attentionSamples } from "./attention.ts";
import { embeddingSamples } from "./embedding.ts";
import { lossSamples } from "./loss.ts";
import { matmulSamples } from "./matmul.ts";
import { rowSamples } from "./rows.ts";
import { segmentSamples } from "./segment.ts";

/** One row per use of an operation; `ops_test.ts` derives the tests. */
export const samples: readonly Sample[] = [
  ...attentionSamples,
  ...embeddingSamples,
  ...lossSamples,
  ...matmulSamples,
  ...rowSamples,
  ...segmentSamples,
];
