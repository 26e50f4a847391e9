import assert from "node:assert/strict";
import test from "node:test";
import type { PopupDraft, Shop } from "../api/schema.ts";
import { BLANK } from "../draft/blank.ts";
import { put } from "../draft/paths.ts";
import { sentences } from "./settings.ts";
import { changesExperiment, warnings } from "./warnings.ts";

const SHOP = { currency: "EUR", time_zone: "Europe/Berlin", never_on_pages: ["/checkout*"] } as Shop;

const said = (popup: PopupDraft, topic: string) =>
  sentences(popup, SHOP, []).find((each) => each.topic === topic)?.text;
const warned = (popup: PopupDraft) => warnings(popup, SHOP, []).map(({ text }) => text);

const FINE = put(put(BLANK, "design.heading", "Hello"), "frequency.days_after_close", 7);

test("without a condition it is everyone and every page, and says so", () => {
  assert.equal(said(BLANK, "Who"), "Everyone.");
  assert.equal(said(BLANK, "Where"), "On every page.");
});

const SAID: [string, unknown, string, string][] = [
  ["targeting.visitors", "new", "Who", "New visitors."],
  ["targeting.device_types", ["mobile"], "Who", "Everyone on phones."],
  ["targeting.min_cart_value", "50.00", "Who", "Everyone with a cart worth €50.00 or more."],
  ["targeting.include_pages", ["/a", "/b"], "Where", "On /a or /b."],
  ["targeting.exclude_pages", ["/c"], "Where", "On every page, but not on /c."],
  ["trigger", { type: "time_delay", delay_seconds: 1 }, "When", "1 second after the page has opened."],
  ["ends_at", "2026-12-24T22:59:00Z", "How long", "From now on, until 24 Dec 2026, 23:59 (Europe/Berlin)."],
  ["holdout_percent", 10, "Experiment", "Everyone sees the same. 10 % see nothing, to compare with."],
];

for (const [path, value, topic, text] of SAID) {
  test(`${path} ${JSON.stringify(value)} is said: ${text}`, () =>
    assert.equal(said(put(BLANK, path, value), topic), text));
}

test("what is fine needs no warning", () => assert.deepEqual(warned(FINE), []));

const WARNED: [string, unknown, RegExp][] = [
  ["design.heading", "", /neither a heading/],
  ["design.text_color", "#dddddd", /hard to read/],
  ["offer.type", "newsletter", /consent text/],
  ["offer.type", "discount", /gives no code/],
  ["ends_at", "2020-01-01T00:00:00Z", /is over/],
  ["trigger", { type: "time_delay", delay_seconds: 0 }, /before anybody can have read/],
  ["targeting.include_pages", ["/checkout/*"], /wants no popup/],
];

for (const [path, value, words] of WARNED) {
  test(`${path} ${JSON.stringify(value)} is warned of`, () => {
    const told = warned(put(FINE, path, value));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", words);
  });
}

const OTHER = { id: "b", name: "Other", weight: 50, design: {}, offer: { type: "newsletter" as const } };

test("what a variant offers instead is said, and warned of by its name", () => {
  const popup = { ...FINE, variants: [{ ...OTHER, id: "a", name: "As it is", offer: {} }, OTHER] };
  assert.equal(said(popup, "What"), "A message with a button.");
  assert.equal(said(popup, "What, in Other"), "They leave their e-mail address.");
  assert.equal(said(popup, "What, in As it is"), undefined);
  assert.match(warned(popup).join(), /^Other: Without a consent text/);
});

test("an edit of a running experiment is another experiment, and a note is not", () => {
  const running = { ...FINE, status: "active" as const, holdout_percent: 10 };
  assert.ok(changesExperiment(running, ["design.heading"]));
  assert.ok(!changesExperiment(running, ["name"]));
  assert.ok(!changesExperiment({ ...running, status: "paused" }, ["design.heading"]));
});
