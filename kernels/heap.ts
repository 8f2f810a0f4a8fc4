/** What can be in one heap at a time. */
export interface HeapItem {
  /** Number that orders the items; no two of them share it. */
  readonly id: number;
  /** Where it is in the heap, which alone sets this. */
  place: number;
}

/**
 * Items in the order of their numbers. The lowest is found at once; adding one
 * and taking any out takes logarithmic time.
 */
export class Heap<T extends HeapItem> {
  /** Each item is below those at twice its place + 1 and + 2. */
  readonly #items: T[] = [];

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
    const { place } = item;
    const last = this.#items.pop()!;
    if (last === item) return;
    // One of the two moves; the other finds its place already.
    this.#sink(last, place);
    this.#rise(last, last.place);
  }

  #rise(item: T, from: number): void {
    const items = this.#items;
    let place = from;
    while (place > 0) {
      const next = (place - 1) >> 1;
      const above = items[next]!;
      if (above.id < item.id) break;
      items[place] = above;
      above.place = place;
      place = next;
    }
    items[place] = item;
    item.place = place;
  }

  #sink(item: T, from: number): void {
    const items = this.#items;
    let place = from;
    for (let next = 2 * place + 1; next < items.length; next = 2 * place + 1) {
      const other = next + 1;
      if (other < items.length && items[other]!.id < items[next]!.id) {
        next = other;
      }
      const below = items[next]!;
      if (below.id > item.id) break;
      items[place] = below;
      below.place = place;
      place = next;
    }
    items[place] = item;
    item.place = place;
  }
}
