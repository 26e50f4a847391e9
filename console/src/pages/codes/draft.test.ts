import assert from "node:assert/strict";
import test from "node:test";
import { changes, NEW, sent } from "./draft.ts";

test("a pool has no code and no limit of uses of its own", () => {
  const pool = sent({ ...NEW, single_use: true, code: "FERN10", usage_limit: 5 });
  assert.ok(!("code" in pool) && !("usage_limit" in pool));
});

test("an amount off has no other amount at most", () => {
  assert.equal(sent({ ...NEW, type: "fixed", maximum_discount: "20" }).maximum_discount, null);
});

test("only what was changed is sent, and what was emptied is null", () => {
  const before = { ...NEW, code: "FERN10", minimum_purchase: "30.00" };
  assert.deepEqual(changes(before, { ...before, minimum_purchase: " ", usage_limit: 9 }), {
    minimum_purchase: null,
    usage_limit: 9,
  });
});
