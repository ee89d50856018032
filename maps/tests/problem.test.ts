/** Answers that are no success come in; proof that each becomes a sentence for the reader goes out. */
import { afterEach, expect, it } from "vitest";

import { Problem, sentence } from "../src/api/problem";
import { language } from "../src/language";

afterEach(() => {
  language.value = "zh";
});

it("says what the service says", () => {
  const body = { type: "about:blank", title: "Unauthorized", status: 401, detail: "用户名或密码不正确。" };
  expect(sentence(new Problem(401, body))).toBe("用户名或密码不正确。");
});

it("falls back on the title, then on the status", () => {
  expect(sentence(new Problem(409, { title: "Conflict", detail: " " }))).toBe("Conflict");
  expect(sentence(new Problem(403))).toBe("您没有进行此操作的权限。");
  expect(sentence(new Problem(418, "a teapot"))).toBe("服务未接受该请求（418）。");
});

it("lists the faults of a body that was not valid", () => {
  const detail = [
    { loc: ["body", "text"], msg: "too long" },
    { loc: ["body", "class"], msg: "missing" },
  ];
  expect(sentence(new Problem(422, { detail }))).toBe("text: too long; class: missing");
  expect(sentence(new Problem(422, { detail: [null, 7] }))).toBe("服务未接受该请求（422）。");
});

it("tells a missing answer from a refusal, in the reader's language", () => {
  language.value = "en";
  expect(sentence(new Problem(0))).toBe("The service cannot be reached. Check the network and try again.");
  expect(sentence(new Problem(502, "<html>"))).toBe(sentence(new Problem(0)));
  expect(sentence(new Problem(500))).toContain("fault");
  expect(sentence(new TypeError("x is undefined"))).toContain("this page");
});
