import assert from "node:assert/strict";
import test from "node:test";
import { contrast, legibility, readableOn, sixDigits } from "./contrast.ts";

test("black on white is 21, and a colour on itself 1", () => {
  assert.equal(contrast("#000", "#ffffff"), 21);
  assert.equal(contrast("#4f46e5", "#4f46e5"), 1);
});

test("the limit is 4.5, and is not rounded up to", () => {
  assert.equal(legibility("#767676", "#ffffff")?.isLegible, true);
  const told = legibility("#777777", "#ffffff");
  assert.equal(told?.isLegible, false);
  assert.match(told?.text ?? "", /4\.4 : 1/);
});

test("half a colour says nothing yet", () => assert.equal(legibility("#12", "#fff"), null));
test("short colours are spelled out", () => assert.equal(sixDigits("#aBc"), "#aabbcc"));

test("one of black and white is always legible", () => {
  for (const colour of ["#777777", "#4f46e5", "#bbf7d0", "#fe0"])
    assert.ok(contrast(readableOn(colour), colour) >= 4.5);
});
