/** Reports and failures come in; proof that nothing is filed twice, and nothing given up too soon, goes out. */
import { expect, it } from "vitest";

import { Problem } from "../src/api/problem";
import { nextAttempt, staysOpen } from "../src/report/attempt";

const place = { lon: 118.78, lat: 32.04 };
const report = { class: "matter:06010", condition: "1", text: "满溢", place, source: "dispatcher" };

it("keeps its key over every retry of the same report", () => {
  const first = nextAttempt(report, null);
  expect(nextAttempt({ ...report }, first)).toBe(first);
});

it("takes a new key for a changed report", () => {
  const first = nextAttempt(report, null);
  expect(nextAttempt({ ...report, text: "已满溢" }, first).key).not.toBe(first.key);
});

it("stays open while no answer has come, and while the first attempt is still at work", () => {
  for (const status of [0, 502, 504, 409]) expect(staysOpen(false, new Problem(status))).toBe(true);
});

it("is not settled by an answer about something else", () => {
  for (const status of [401, 403, 429, 500, 503]) {
    expect(staysOpen(true, new Problem(status))).toBe(true);
    expect(staysOpen(false, new Problem(status))).toBe(false);
  }
});

it("is settled by a refusal of the report itself", () => {
  for (const status of [400, 404, 422]) expect(staysOpen(true, new Problem(status))).toBe(false);
});
