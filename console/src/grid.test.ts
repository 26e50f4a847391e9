import assert from "node:assert/strict";
import test from "node:test";
import { gridOf } from "./grid.ts";

const GRIDS: [number, boolean, number[]][] = [
  [9, false, [0, 2.5, 5, 7.5, 10]],
  [9, true, [0, 5, 10, 15, 20]],
  [100, true, [0, 25, 50, 75, 100]],
  [347, true, [0, 100, 200, 300, 400]],
  [1, true, [0, 1, 2, 3, 4]],
  [0, true, [0, 1, 2, 3, 4]],
];
for (const [most, whole, lines] of GRIDS) {
  test(`up to ${most}${whole ? " of people" : ""} the lines are at ${lines}`, () =>
    assert.deepEqual(gridOf(most, { whole }), lines));
}

for (const most of [0.09, 0.0031, 12, 5800, 99_999]) {
  test(`${most} is below the uppermost of its lines, and above half of it`, () => {
    const top = gridOf(most).at(-1) ?? 0;
    assert.ok(top >= most && top <= most * 2.5, String(top));
  });
}
