import assert from "node:assert/strict";
import test from "node:test";
import { fromZone, inZone } from "./zone.ts";

const MOMENTS: [string, string, string][] = [
  ["Europe/Berlin", "2026-07-01T14:30", "2026-07-01T12:30:00.000Z"],
  ["Europe/Berlin", "2026-12-01T00:00", "2026-11-30T23:00:00.000Z"],
  ["Asia/Kathmandu", "2026-03-01T05:45", "2026-03-01T00:00:00.000Z"],
  ["America/Los_Angeles", "2026-11-28T23:59", "2026-11-29T07:59:00.000Z"],
  ["Pacific/Kiritimati", "2026-01-01T00:00", "2025-12-31T10:00:00.000Z"],
];

for (const [zone, local, utc] of MOMENTS) {
  test(`${local} in ${zone} is ${utc} and back`, () => {
    assert.equal(fromZone(local, zone), utc);
    assert.equal(inZone(utc, zone), local);
  });
}

test("an hour that clocks show twice is the first of the two", () => {
  assert.equal(fromZone("2026-10-25T02:30", "Europe/Berlin"), "2026-10-25T00:30:00.000Z");
});

test("an hour that clocks leap over is as far after the leap", () => {
  assert.equal(inZone(fromZone("2026-03-29T02:30", "Europe/Berlin"), "Europe/Berlin"), "2026-03-29T03:30");
});
