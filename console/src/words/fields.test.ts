import assert from "node:assert/strict";
import test from "node:test";
import { BLANK } from "../draft/blank.ts";
import { fieldName, fieldNames, valueWords } from "./fields.ts";

const leaves = (tree: object, path = ""): string[] =>
  Object.entries(tree).flatMap(([key, value]) => {
    const here = path ? `${path}.${key}` : key;
    const isBranch = typeof value === "object" && value !== null && !Array.isArray(value) && here !== "targeting.utm";
    return isBranch ? leaves(value, here) : [here];
  });

test("every field of a popup has a name in words", () => {
  assert.deepEqual(
    leaves(BLANK).filter((path) => fieldName(path) === path),
    [],
  );
});

const NAMED: [string, string][] = [
  ["variants.1.design.width", "Variant 2: Width"],
  ["targeting.include_pages.0", "Only on these pages"],
  ["of_a_newer_release", "of_a_newer_release"],
];
for (const [path, name] of NAMED) test(`${path} is ${name}`, () => assert.equal(fieldName(path), name));

test("a name is said once", () => assert.equal(fieldNames(["trigger", "trigger.type"]), "When it shows"));

const VALUES: [unknown, string][] = [
  ["", "nothing"],
  [null, "nothing"],
  [[], "nothing"],
  [["/cart", "/"], "/cart, /"],
  [0, "0"],
  [[{ id: "b", name: "Short", weight: 50, design: { heading: "Hi" }, offer: {} }], "Short (50): Heading “Hi”"],
  [[{ id: "a", name: "", weight: 1, design: {}, offer: {} }], "a (1): as the popup"],
];
for (const [value, words] of VALUES) {
  test(`${JSON.stringify(value)} is ${words}`, () => assert.equal(valueWords(value), words));
}
