import assert from "node:assert/strict";
import test from "node:test";
import { messagesAt, messagesElsewhere, Problem } from "./problem.ts";

const ERRORS = {
  "design.width": ["Too wide."],
  "targeting.include_pages.2": ["Not a pattern."],
  "": ["The popup is too large."],
};

test("a message is at its field", () => {
  assert.deepEqual(messagesAt(ERRORS, "design.width"), ["Too wide."]);
  assert.deepEqual(messagesAt(ERRORS, "design"), ["width: Too wide."]);
});

test("a list that is edited as one gets the messages of its lines", () => {
  assert.deepEqual(messagesAt(ERRORS, "targeting.include_pages"), ["2: Not a pattern."]);
});

test("a field whose name only begins alike gets none", () => {
  assert.deepEqual(messagesAt(ERRORS, "design.wid"), []);
});

test("what has no field is told all the same", () => {
  assert.deepEqual(messagesElsewhere(ERRORS, ["design.width"]), [
    "targeting.include_pages.2: Not a pattern.",
    "The popup is too large.",
  ]);
});

test("no answer at all names what it may be", () => {
  assert.match(new Problem(0, {}).message, /content blocker/);
});

test("an unknown refusal is told in the server's words", () => {
  assert.equal(new Problem(409, { detail: "The code is taken." }).message, "The code is taken.");
});
