import { assertEquals, assertGreater } from "@std/assert";
import { copyKernel, fillKernel } from "../../kernels/mod.ts";
import { Profile } from "../../kernels/profile.ts";
import { deviceTest } from "../support/devices.ts";

Deno.test("Profile adds up launches, slowest kernel first", () => {
  const profile = new Profile();
  profile.add("a", 1, { bytes: 10, flops: 1 });
  profile.add("b", 2, { bytes: 20, flops: 2 });
  profile.add("a", 4, { bytes: 30, flops: 3 });
  assertEquals(profile.times, [
    { kernel: "a", launches: 2, ms: 5, bytes: 40, flops: 4 },
    { kernel: "b", launches: 1, ms: 2, bytes: 20, flops: 2 },
  ]);
});

deviceTest(
  "profile() times every launch, and only while it runs",
  async (device) => {
    const length = 4096;
    const [x, out] = [device.allocate(4 * length), device.allocate(4 * length)];
    const fill = (): void =>
      device.launch(fillKernel, { out: x }, { length, value: 3 });
    fill();
    // More than fit into one list.
    const times = await device.profile(() => {
      for (let i = 0; i < 300; i++) fill();
      device.launch(copyKernel, { x, out }, { length });
    });
    fill();
    // Two at once, with work of others until both are there.
    const both = Promise.all([1, 2].map((count) =>
      device.profile(() => {
        for (let i = 0; i < count; i++) fill();
      })
    ));
    let pending = true;
    both.finally(() => pending = false);
    while (pending) {
      fill();
      device.submit();
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(
      (await both).map((all) => all.map(({ launches }) => launches)),
      [[1], [2]],
    );
    const found = new Map(times.map((it) => [it.kernel, it]));
    assertEquals([...found.keys()].sort(), ["copy", "fill"]);
    assertEquals(found.get("fill")!.launches, 300);
    assertEquals(found.get("fill")!.bytes, 300 * 4 * length);
    assertEquals(found.get("copy")!.launches, 1);
    assertGreater(found.get("fill")!.ms, 0);
    const [bytes] = await device.read([out]);
    assertEquals(new Float32Array(bytes!).every((value) => value === 3), true);
    device.free(x);
    device.free(out);
  },
);
