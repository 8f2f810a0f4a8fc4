import { assertEquals, assertThrows } from "@std/assert";
import { AdamW, Parameter, placeWeights } from "../../nn/mod.ts";
import { mul, Scope, sum } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

/** Two parameters, of which a loss may use one. */
function pair(): { a: Parameter; b: Parameter } {
  return {
    a: new Parameter([2], Float32Array.of(3, 5)),
    b: new Parameter([3], Float32Array.of(1, 1, 1)),
  };
}

deviceTest(
  "placeWeights() puts parameters on a device, once",
  async (device) => {
    const { liveBytes } = device.memory;
    const model = pair();
    {
      using weights = placeWeights(model, device);
      assertEquals([...await model.a.value.data()], [3, 5]);
      assertEquals([...weights.arena.values.keys()], ["a", "b"]);
      assertThrows(
        () => placeWeights(model, device),
        ReferenceError,
        "Cannot read the initial numbers of a parameter: it is on a device",
      );
    }
    assertEquals(device.memory.liveBytes, liveBytes);
  },
);

deviceTest(
  "Weights.backward() replaces gradients, zeros where there are none",
  async (device) => {
    const model = pair();
    const weights = placeWeights(model, device);
    weights.backward(sum(mul(model.b.value, model.b.value)));
    for (let i = 0; i < 2; i++) {
      weights.backward(sum(mul(model.a.value, model.a.value)));
      const found = await weights.arena.read("gradients");
      assertEquals([...found.get("a")!], [6, 10]);
      assertEquals([...found.get("b")!], [0, 0, 0]);
    }
  },
);

deviceTest(
  "placeWeights() decays and scales single parameters",
  async (device) => {
    const model = pair();
    const weights = placeWeights(model, device, {
      decays: (name, { size }) => name === "a" && size === 2,
      lrScale: (name) => name === "b" ? 0.5 : 1,
    });
    using optimizer = new AdamW(weights, { weightDecay: 0.1 });
    {
      using _step = new Scope();
      weights.backward(sum(model.b.value));
    }
    optimizer.step(0.5);
    const found = await weights.arena.read("values");
    assertClose(found.get("a")!, [2.85, 4.75], ELEMENTWISE);
    assertClose(found.get("b")!, [0.75, 0.75, 0.75], ELEMENTWISE);
  },
);
