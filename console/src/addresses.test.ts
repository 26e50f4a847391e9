import assert from "node:assert/strict";
import test from "node:test";
import { address, hash, type Place } from "./addresses.ts";

const ID = "0197f1c2-7a54-7cc3-98c4-dc0c0c07398f";

const PLACES: [string, Place][] = [
  ["#/popups", { page: "popups" }],
  ["#/popups/new", { page: "new" }],
  [`#/popups/${ID}`, { page: "popup", id: ID, tab: "design" }],
  [`#/popups/${ID}/results`, { page: "popup", id: ID, tab: "results" }],
  [`#/codes/${ID}`, { page: "code", id: ID }],
  ["#/subscribers", { page: "subscribers" }],
];

for (const [text, place] of PLACES) {
  test(`${text} is written as it is read`, () => {
    assert.equal(hash(place), text);
    assert.deepEqual(address(text), { ...place, query: {} });
  });
}

test("the query comes back, letters of any script and separators included", () => {
  const query = { search: "50 % & mehr? #Frühling", status: "active" };
  const text = hash({ page: "popups" }, query);
  assert.deepEqual(address(text), { page: "popups", query });
});

test("what is empty is left out", () => {
  assert.equal(hash({ page: "popups" }, { search: "", status: "" }), "#/popups");
});

for (const text of ["", "#", "#/"]) {
  test(`${JSON.stringify(text)} is the list`, () => assert.deepEqual(address(text), { page: "popups", query: {} }));
}

for (const text of ["#/nothing", "#/popups/12", `#/popups/${ID}/nothing`, "#/shop/1", `#/popups/${ID}/results/more`]) {
  test(`${text} is unknown`, () => assert.equal(address(text).page, "unknown"));
}
