import assert from "node:assert/strict";
import test from "node:test";
import { ago, change, changeWords, count, counted, daysBefore, money, percent, today } from "./numbers.ts";

const NOW = Date.parse("2026-11-29T12:00:00Z");

const SAID: [string, unknown, unknown][] = [
  ["a number", count(7369), "7,369"],
  ["no number", count(null), "–"],
  ["one of them", counted(1, "order"), "1 order"],
  ["many of them", counted(3004, "order"), "3,004 orders"],
  ["a rate", percent(0.0687), "6.9 %"],
  ["a rate over nobody", percent(null), "–"],
  ["money", money("5913.52", "EUR"), "€5,913.52"],
  ["a currency that no browser knows", money("12.00", "??"), "12.00 ??"],
  ["a rise", change(112, 100), "+12 %"],
  ["a fall", change(23, 100), "−77 %"],
  ["no change", change(100, 100), "±0 %"],
  ["a rise from nothing", change(5, 0), null],
  ["a rise beside what it was", changeWords(112, 100, count), "+12 %, was 100"],
  ["a rise from nothing beside it", changeWords(5, 0, count), null],
  ["what is to come", ago("2026-11-29T15:10:00Z", NOW), "in 3 hours"],
  ["what has been", ago("2026-11-27T11:00:00Z", NOW), "2 days ago"],
  ["now", ago("2026-11-29T11:59:30Z", NOW), "just now"],
  ["the day in the far east", today("Pacific/Kiritimati", new Date("2026-11-29T12:00:00Z")), "2026-11-30"],
  ["the day in the far west", today("Pacific/Pago_Pago", new Date("2026-11-29T10:00:00Z")), "2026-11-28"],
  ["a day of the month before", daysBefore("2026-03-01", 1), "2026-02-28"],
];
for (const [what, said, expected] of SAID) test(`${what} is ${expected}`, () => assert.equal(said, expected));
