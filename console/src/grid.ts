// The lines behind a picture: at round numbers.

const ROUND = [1, 2, 2.5, 5, 10];

/** Five values from nothing to `most` or a little more: 1, 2, 2½ or 5 times a power of ten apart. */
export function gridOf(most: number, { whole = false } = {}): number[] {
  const rough = Math.max(most, whole ? 1 : 1e-9) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const sizes = [...ROUND, 20].map((factor) => factor * power).filter((size) => !whole || Number.isInteger(size));
  const step = sizes.find((size) => size >= rough * (1 - 1e-9)) ?? rough;
  return [0, 1, 2, 3, 4].map((times) => times * step);
}
