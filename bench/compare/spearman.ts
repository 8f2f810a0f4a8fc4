/**
 * Rank correlation of two series of equal length, -1 to 1; equal values share
 * the mean of their ranks (Spearman, 1904). NaN when all values of one are equal.
 */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return correlation(ranks(a), ranks(b));
}

/** Rank of each value, from 0. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!);
  const found = new Array<number>(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) {
      to++;
    }
    for (const i of order.slice(from, to)) found[i] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}

/** Of two series of which the means are equal (Pearson, 1895). */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (a.length - 1) / 2; // of all ranks
  const product = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + (value - mean) * (y[i]! - mean), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
