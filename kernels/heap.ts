/**
 * Things in the order of a number that no two of them share. The lowest is
 * found at once; adding one and taking any out takes logarithmic time.
 */
export class Heap<T> {
  readonly #order: (item: T) => number;
  /** Each item is below those at twice its place + 1 and + 2. */
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  /** `order` gives the number of an item; it must not change meanwhile. */
  constructor(order: (item: T) => number) {
    this.#order = order;
  }

  /** The lowest item. */
  get lowest(): T | undefined {
    return this.#items[0];
  }

  /** All items, in no order. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Adds an item that is not in it. */
  add(item: T): void {
    this.#rise(item, this.#items.length);
  }

  /** Takes out an item that is in it. */
  remove(item: T): void {
    const place = this.#places.get(item)!;
    const last = this.#items.pop()!;
    this.#places.delete(item);
    if (last === item) return;
    // One of the two moves; the other finds its place already.
    this.#sink(last, place);
    this.#rise(last, this.#places.get(last)!);
  }

  #rise(item: T, place: number): void {
    const number = this.#order(item);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#order(this.#items[above]!) < number) break;
      this.#put(this.#items[above]!, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: T, place: number): void {
    const items = this.#items;
    const number = this.#order(item);
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      const other = below + 1;
      if (
        other < items.length &&
        this.#order(items[other]!) < this.#order(items[below]!)
      ) below = other;
      if (this.#order(items[below]!) > number) break;
      this.#put(items[below]!, place);
      place = below;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
