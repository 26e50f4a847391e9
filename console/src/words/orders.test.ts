import assert from "node:assert/strict";
import test from "node:test";
import { credit, isPaidBack } from "./orders.ts";

const CREDITS = [
  [{ popup_id: "one", reason: "code", recognised_by: null }, /code was used/],
  [{ popup_id: "one", reason: "view", recognised_by: "visitor_id" }, /saw it/],
  [{ popup_id: null, reason: null, recognised_by: "email" }, /met no popup/],
  [{ popup_id: null, reason: null, recognised_by: null }, /Nobody knows whose/],
] as const;

for (const [order, text] of CREDITS) {
  test(`${JSON.stringify(order)} is said: ${text}`, () => assert.match(credit(order), text));
}

const REFUNDS = [
  ["10.00", "0.00", false],
  ["10.00", "9.99", false],
  ["10.00", "10.00", true],
  [null, null, false],
  ["0.00", "0.00", false],
] as const;

for (const [revenue, refunded, isAll] of REFUNDS) {
  test(`${refunded} of ${revenue} is ${isAll ? "" : "not "}all`, () =>
    assert.equal(isPaidBack({ revenue, refunded }), isAll));
}
