import { benchOperation } from "../support.ts";

// What every other bench on this device pays once in an iteration.
benchOperation({
  group: "wait for a device with nothing to do",
  variants: { "empty wait": () => () => {} },
});
