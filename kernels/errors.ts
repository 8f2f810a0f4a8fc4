/** A device that is absent, lost, out of memory, or rejected a kernel. */
export class DeviceError extends Error {
  /** `cause` is what the platform reported, when it did. */
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "DeviceError";
  }
}
