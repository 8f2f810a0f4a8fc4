import { assertEquals, assertThrows } from "@std/assert";
import { Linear, Parameter, parameters, RMSNorm } from "../../nn/mod.ts";
import { Rng, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

Deno.test("parameters() walks fields and arrays in order, once", () => {
  const shared = new RMSNorm(2);
  const module = {
    name: "toy",
    absent: undefined,
    nothing: null,
    raw: new Float32Array(3),
    layers: [new Linear(2, 3, { rng: new Rng(0), bias: true }), shared],
    inner: { tied: shared, own: new Parameter([1], Float32Array.of(1)) },
    self: undefined as unknown,
  };
  module.self = module;
  const found = parameters(module);
  assertEquals(
    [...found].map(([path, { shape }]) => [path, shape]),
    [
      ["layers.0.weight", [3, 2]],
      ["layers.0.bias", [3]],
      ["layers.1.gain", [2]],
      ["inner.own", [1]],
    ],
  );
});

Deno.test("Parameter names a wrong number of numbers", () => {
  assertThrows(
    () => new Parameter([2, 3], new Float32Array(5)),
    RangeError,
    "Cannot make a parameter of shape [2, 3]: expected 6 numbers, got 5",
  );
});

deviceTest("Parameter is first on the host, then on a device", (device) => {
  const parameter = new Parameter([2], Float32Array.of(1, 2));
  assertEquals([parameter.size, [...parameter.initial]], [2, [1, 2]]);
  assertThrows(
    () => parameter.value,
    ReferenceError,
    "Cannot use a parameter: call placeWeights(model, device) first",
  );
  const value = Tensor.from(device, [2], [1, 2]);
  parameter.place(value);
  assertEquals(parameter.value === value, true);
  assertThrows(
    () => parameter.initial,
    ReferenceError,
    "Cannot read the initial numbers of a parameter: it is on a device",
  );
});
