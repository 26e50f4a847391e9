import assert from "node:assert/strict";
import test from "node:test";
import type { Experiment } from "../api/schema.ts";
import { risk, stillNeeded, verdict } from "./verdict.ts";

const RUNNING = {
  verdict: "keep_running",
  stop: false,
  best: null,
  viewers_needed: 1200,
  variants: [
    { variant_id: "a", name: "As it is", viewers: 400 },
    { variant_id: "b", name: "", viewers: 410 },
  ],
} as unknown as Experiment;

test("a winner is named, by its id where it has no name", () => {
  assert.equal(verdict({ ...RUNNING, verdict: "winner", best: "a" }), "“As it is” is better. You can stop.");
  assert.equal(verdict({ ...RUNNING, verdict: "winner", best: "b" }), "“b” is better. You can stop.");
});

test("nobody is called better before the server says stop", () => {
  for (const early of ["collecting", "keep_running", "undecided", "no_difference"] as const) {
    assert.doesNotMatch(verdict({ ...RUNNING, verdict: early }), /is better\./);
  }
});

test("what is still needed is said while it runs", () => {
  assert.equal(stillNeeded(RUNNING), "810 viewers so far; about 1,200 more are needed.");
  assert.equal(stillNeeded({ ...RUNNING, stop: true }), "");
});

test("a loss is told in people", () => {
  assert.equal(risk({ expected_loss: 0.0123 } as never), "could cost up to 12.3 converters in 1000 viewers");
  assert.equal(risk({ expected_loss: 0 } as never), "costs next to nothing");
});
