import { type Device, type Scope, slice, type Tensor } from "../tensor/mod.ts";
import { KvCache } from "../nn/mod.ts";
import type { Blt } from "./blt.ts";
import { OpenGroups, type Think } from "./open_groups.ts";

/** What may stand behind the pooled patches of a {@linkcode BodySession}. */
export interface BodyOptions {
  /** What follows the latent transformer; default nothing. */
  readonly then?: Think;
  /** What is read while no patch is closed, where patches are known late. */
  readonly nothing?: Tensor | undefined;
}

/**
 * The caches of a {@linkcode Blt} from embedded bytes to logits. Its memory
 * belongs to the scope in which it is made, which lasts.
 */
export class BodySession {
  /** Most bytes that may be read at once. */
  readonly most: number;
  readonly #model: Blt;
  readonly #encoder: KvCache;
  readonly #latent: KvCache;
  readonly #decoder: KvCache;
  readonly #patches: OpenGroups;

  /** Before the first byte. */
  constructor(
    model: Blt,
    device: Device,
    { then = (x) => Promise.resolve(x), nothing }: BodyOptions = {},
  ) {
    const { encoder, latent, decoder } = model.config;
    this.#model = model;
    this.#encoder = new KvCache(device, encoder);
    this.#latent = new KvCache(device, latent);
    this.#decoder = new KvCache(device, decoder);
    this.most = Math.min(
      this.#encoder.most,
      this.#latent.most,
      this.#decoder.most,
    );
    this.#patches = new OpenGroups(
      device,
      encoder.dim,
      { pool: model.pool, reader: model.decoder },
      (pooled, scope) => {
        const thought = scope.run(() => {
          const attend = this.#latent.extend(pooled.shape[0]!);
          return model.think(pooled, attend);
        });
        return then(thought, scope);
      },
      nothing,
    );
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#patches.closed;
  }

  /**
   * Logits after the last of some bytes, x: [n, D] -> [1, V]. `ends` tells of
   * each byte whether its patch ends with it, or with `lookback` whether the
   * one before it does. What it gives belongs to `scope`.
   */
  async read(
    x: Tensor,
    ends: readonly boolean[],
    scope: Scope,
    options: { readonly lookback?: boolean } = {},
  ): Promise<Tensor> {
    const model = this.#model;
    const count = ends.length;
    const bytes = scope.run(() =>
      model.encoder.forward(x, this.#encoder.extend(count))
    );
    const { keysValues, unitsSee } = await this.#patches.read(
      bytes,
      ends,
      scope,
      options,
    );
    return scope.run(() => {
      const decoded = model.decoder.forward(
        bytes,
        keysValues,
        unitsSee,
        this.#decoder.extend(count),
      );
      const { shape: [, dim = 0] } = decoded;
      return model.logits(slice(decoded, [[count - 1, count], [0, dim]]));
    });
  }
}
