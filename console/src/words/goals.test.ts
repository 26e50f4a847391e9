import assert from "node:assert/strict";
import test from "node:test";
import type { Numbers } from "../api/schema.ts";
import { converted, goalOf } from "./goals.ts";

const FIGURES = { unique_viewers: 8, converters_by_type: { click: 2, email_capture: 0 } } as unknown as Numbers;

test("a popup that asks for an address is for addresses, and any other for clicks", () => {
  assert.deepEqual(
    (["none", "email_capture", "newsletter", "discount", "free_shipping"] as const).map((type) => goalOf({ type })),
    ["click", "email_capture", "email_capture", "click", "click"],
  );
});

test("the rate is people over people, and none without any", () => {
  assert.deepEqual(converted(FIGURES, "click"), { converters: 2, rate: 0.25 });
  assert.deepEqual(converted(FIGURES, "purchase"), { converters: 0, rate: 0 });
  assert.equal(converted({ ...FIGURES, unique_viewers: 0 }, "click").rate, null);
});
