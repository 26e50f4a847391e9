import assert from "node:assert/strict";
import test from "node:test";
import { merge, mergePatch } from "./patch.ts";
import { at, differing, isSame, put } from "./paths.ts";

const BASE = {
  name: "Autumn",
  design: { heading: "Wait", width: 500 },
  targeting: { include_pages: ["/a"], utm: { source: "mail" } },
  variants: [{ id: "a", design: {} }],
};

test("a value is found and put by its path, and nothing changes in place", () => {
  const next = put(BASE, "variants.0.design.width", 300);
  assert.equal(at(next, "variants.0.design.width"), 300);
  assert.equal(at(BASE, "variants.0.design.width"), undefined);
  assert.equal(at(BASE, "nothing.there.at.all"), undefined);
});

test("what is typed back is unchanged", () => {
  const typed = put(put(BASE, "name", "Winter"), "name", "Autumn");
  assert.deepEqual(differing(BASE, typed), []);
  assert.ok(isSame(BASE, typed));
});

test("a patch has what changed, and lists as a whole", () => {
  const after = put(put(BASE, "design.width", 300), "targeting.include_pages", ["/a", "/b"]);
  assert.deepEqual(mergePatch(BASE, after), { design: { width: 300 }, targeting: { include_pages: ["/a", "/b"] } });
});

test("a field that is taken away is null, which brings its default back", () => {
  assert.deepEqual(mergePatch({ targeting: { min_cart_items: 2 } }, { targeting: {} }), {
    targeting: { min_cart_items: null },
  });
});

test("a key of the merchant's own that is gone is named, since a merge would keep it", () => {
  const after = put(BASE, "targeting.utm", { medium: "x" });
  assert.deepEqual(mergePatch(BASE, after), { targeting: { utm: { medium: "x", source: null } } });
});

test("changes of different fields are merged, and said", () => {
  const theirs = put(BASE, "design.width", 600);
  const { merged, conflicts, theirs: said } = merge(BASE, theirs, put(BASE, "design.heading", "Stay"));
  assert.deepEqual(merged.design, { heading: "Stay", width: 600 });
  assert.deepEqual(conflicts, []);
  assert.deepEqual(
    said.map(({ path }) => path),
    ["design.width"],
  );
});

test("the same field in two ways is a conflict, and stays theirs until somebody chooses", () => {
  const { merged, conflicts } = merge(BASE, put(BASE, "name", "Hers"), put(BASE, "name", "Mine"));
  assert.deepEqual(conflicts, [{ path: "name", base: "Autumn", theirs: "Hers", mine: "Mine" }]);
  assert.equal(merged.name, "Hers");
});

test("the same change by both is none", () => {
  const both = put(BASE, "name", "Same");
  const { conflicts, merged } = merge(BASE, both, both);
  assert.deepEqual(conflicts, []);
  assert.equal(merged.name, "Same");
});

test("variants are one list: who edits one edits them all", () => {
  const theirs = put(BASE, "variants", [...BASE.variants, { id: "b", design: {} }]);
  const { conflicts } = merge(BASE, theirs, put(BASE, "variants.0.design", { width: 300 }));
  assert.deepEqual(
    conflicts.map(({ path }) => path),
    ["variants"],
  );
});
