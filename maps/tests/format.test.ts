/** Moments come in, in a browser far from the office; proof that the office's day and hour go out. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { language } from "../src/language";
import { day, time } from "../src/language/format";
import { session } from "../src/session/session";

beforeAll(() => {
  vi.stubEnv("TZ", "America/New_York");
  session.me = { username: "a", role: "viewer", worker: null, permissions: [], timezone: "Asia/Shanghai", has_factor: false };
});

afterAll(() => {
  vi.unstubAllEnvs();
  session.me = null;
  language.value = "zh";
});

it("is told in the office's zone, not in the browser's", () => {
  expect(new Date("2026-05-31T16:30:00Z").getHours()).toBe(12);
  expect(time("2026-05-31T16:30:00Z")).toBe("2026年6月1日 00:30");
  expect(time("2026-06-01T00:30:00+08:00")).toBe("2026年6月1日 00:30");
  language.value = "en";
  expect(time("2026-05-31T16:30:00Z")).toBe("Jun 1, 2026, 12:30 AM");
  expect(day("2025-12-31T16:00:00Z")).toBe("Jan 1, 2026");
});

it("follows an office elsewhere", () => {
  session.me!.timezone = "Asia/Urumqi";
  expect(time("2026-05-31T16:30:00Z")).toBe("May 31, 2026, 10:30 PM");
});

it("shows what is no moment as it is", () => {
  expect(time("soon")).toBe("soon");
});
