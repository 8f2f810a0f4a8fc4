import { assertEquals, assertThrows } from "@std/assert";
import { checkOperands, DTypeError, Tensor } from "../../tensor/mod.ts";
import { deviceTest, otherDevice } from "../support/devices.ts";

deviceTest("checkOperands() compares element types", (device) => {
  const x = Tensor.from(device, [1], [1]);
  const ids = Tensor.from(device, [1], Uint32Array.of(1));
  checkOperands("look", [x, undefined, x]);
  checkOperands("look", [ids, undefined, x], { dtypes: ["u32"] });
  const error = assertThrows(
    () => checkOperands("look", [x, undefined, ids]),
    DTypeError,
    "Cannot apply look to f32 and none and u32: input 2 must be f32",
  );
  assertEquals(error.dtypes, ["f32", "none", "u32"]);
});

deviceTest("checkOperands() finds tensors of another device", (device) => {
  const x = Tensor.from(device, [1], [1]);
  using far = Tensor.from(otherDevice, [1], Uint32Array.of(1));
  for (
    const run of [
      () => checkOperands("look", [x, far], { dtypes: ["f32", "u32"] }),
      () => checkOperands("look", [undefined, x], { beside: [undefined, far] }),
    ]
  ) {
    assertThrows(
      run,
      TypeError,
      `Cannot apply look to tensors of two devices: "${device.description}" and "${otherDevice.description}"`,
    );
  }
});
