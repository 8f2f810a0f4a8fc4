import { assertEquals, assertInstanceOf } from "@std/assert";
import { NonFiniteError } from "../../blt/mod.ts";

Deno.test("NonFiniteError says where it happened and what is kept", () => {
  const error = new NonFiniteError(
    { phase: "model", step: 7 },
    { phase: "entropy model", step: 300 },
  );
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.step], ["NonFiniteError", 7]);
  assertEquals(
    error.message,
    "Cannot go on training: the loss or gradient of step 7 of the model is not finite; the checkpoint of step 300 of the entropy model is kept; go on with a lower lr",
  );
  assertEquals(error.cure, "lr");
  const early = new NonFiniteError({ phase: "model", step: 1 }, undefined);
  assertEquals(early.message.split("; ")[1], "no checkpoint was made yet");
  const weights = new NonFiniteError(
    { phase: "entropy model", step: 2 },
    undefined,
    "weights",
  );
  assertEquals(
    weights.message,
    "Cannot go on training: the weights of step 2 of the entropy model are not finite; no checkpoint was made yet; go on with a lower entropyLr",
  );
  assertEquals([weights.diverged, weights.cure], ["weights", "entropyLr"]);
});
