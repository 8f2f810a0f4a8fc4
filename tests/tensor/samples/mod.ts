import type { Sample } from "../sample.ts";
import { attentionSamples } from "./attention.ts";
import { dropoutSamples } from "./dropout.ts";
import { embeddingSamples } from "./embedding.ts";
import { lossSamples } from "./loss.ts";
import { matmulSamples } from "./matmul.ts";
import { rowSamples } from "./rows.ts";
import { segmentSamples } from "./segment.ts";
import { smoothSamples } from "./smooth.ts";
import { elementwiseSamples } from "./elementwise.ts";
import { reduceSamples } from "./reduce.ts";
import { layoutSamples } from "./layout.ts";

/** One row per use of an operation; `ops_test.ts` derives the tests. */
export const samples: readonly Sample[] = [
  ...layoutSamples,
  ...reduceSamples,
  ...elementwiseSamples,
  ...attentionSamples,
  ...dropoutSamples,
  ...embeddingSamples,
  ...lossSamples,
  ...matmulSamples,
  ...rowSamples,
  ...segmentSamples,
  ...smoothSamples,
];
