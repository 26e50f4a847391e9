import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { onPage } from "./pages.ts";

interface Vector {
  name: string;
  popup: { targeting?: { include_pages?: string[]; exclude_pages?: string[] } };
  shopper: { url?: string };
  reason: string | null;
  shop?: { never_on_pages?: string[] };
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../tests/vectors/rules.json", import.meta.url), "utf8"),
);

// Those about pages alone.
const PAGES = ["targeting.include_pages", "targeting.exclude_pages", "shop.never_on_pages"];
const about = vectors.filter(
  ({ popup, shop, shopper, reason }) =>
    shopper.url &&
    (popup.targeting?.include_pages || popup.targeting?.exclude_pages || shop?.never_on_pages) &&
    (reason === null || PAGES.includes(reason)),
);

test("there are vectors", () => assert.ok(about.length > 15));

for (const { name, popup, shop, shopper, reason } of about) {
  test(name, () => {
    const { include_pages = [], exclude_pages = [] } = popup.targeting ?? {};
    const verdict = onPage(shopper.url ?? "/", include_pages, exclude_pages, shop?.never_on_pages);
    assert.equal(verdict.isShown, reason === null, verdict.text);
  });
}
