import type { DeviceClass, Kernel } from "./kernel.ts";

/**
 * Form by kernel and shape, as measured on one adapter. Plain data: it can be
 * stored as JSON and given to `openDevice`.
 */
export type Tuning = Readonly<Record<string, string>>;

/** Place of a launch in a table: sizes count as the nearest power of two. */
export function tuningKey<Size extends string>(
  { name, family = name, sizes: names }: Kernel<string, Size>,
  sizes: Readonly<Record<Size, number>>,
): string {
  const rounded = names.map((size) =>
    `${size} ${sizes[size] && 2 ** Math.round(Math.log2(sizes[size]))}`
  );
  return [family, ...rounded].join(" ");
}

/**
 * Index of the form that `tuning` chooses for a launch. None where it says
 * nothing, or names a form that is gone or does not fit.
 */
export function tunedForm<Size extends string>(
  tuning: Tuning,
  kernel: Kernel<string, Size>,
  device: DeviceClass,
  sizes: Readonly<Record<Size, number>>,
): number | undefined {
  const name = tuning[tuningKey(kernel, sizes)];
  const index = kernel.forms.findIndex((form) =>
    form.name === name && (form.fits?.(device, sizes) ?? true)
  );
  return name === undefined || index < 0 ? undefined : index;
}
