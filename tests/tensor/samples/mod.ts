import type { Sample } from "../sample.ts";

/** One row per use of an operation; `ops_test.ts` derives the tests. */
export const samples: readonly Sample[] = [];
