import { assertEquals, assertThrows } from "@std/assert";
import { backward, exp, noGrad, Tensor } from "../../tensor/mod.ts";
import { withGrad } from "../../tensor/recording.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("noGrad() records nothing until it ends", async (device) => {
  const x = Tensor.from(device, [1], [0]);
  const records = (): boolean => exp(x).node !== undefined;
  assertEquals(records(), true);
  assertEquals(noGrad(() => [records(), noGrad(records), records()]), [
    false,
    false,
    false,
  ]);
  assertEquals(noGrad(() => [withGrad(records), records()]), [true, false]);
  assertEquals(records(), true);
  const [dx] = backward(noGrad(() => exp(x)), [x]);
  assertEquals(dx, undefined);
  const [full] = backward(exp(x), [x]);
  assertEquals([...await full!.data()], [1]);
});

deviceTest("noGrad() ends with an error as well", (device) => {
  const x = Tensor.from(device, [1], [0]);
  assertThrows(() =>
    noGrad(() => {
      throw new SyntaxError("planted");
    }), SyntaxError);
  assertEquals(exp(x).node !== undefined, true);
});
