/** The dictionaries come in; proof that both languages say everything goes out. */
import { afterEach, describe, expect, it } from "vitest";

import { dictionaries, language, t, word, type Key } from "../src/language";
import { limit } from "../src/language/format";

const keys = Object.keys(dictionaries.zh) as Key[];
const parameters = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

afterEach(() => {
  language.value = "zh";
});

describe("the dictionaries", () => {
  it("have the same keys", () => {
    expect(Object.keys(dictionaries.en).sort()).toEqual([...keys].sort());
  });

  it.each(keys)("say %s in both languages, with the same parameters", (key) => {
    expect(dictionaries.zh[key].trim()).not.toBe("");
    expect(dictionaries.en[key].trim()).not.toBe("");
    expect(parameters(dictionaries.en[key])).toEqual(parameters(dictionaries.zh[key]));
  });

  it("hold no Chinese in English, but for the name of the other language", () => {
    const chinese = keys.filter((key) => /\p{Script=Han}/u.test(dictionaries.en[key]));
    expect(chinese).toEqual(["language.other"]);
  });
});

describe("a sentence", () => {
  it("follows the language and takes its parameters", () => {
    expect(t("report.done", { number: "7", grid: "石鼓路" })).toBe("事件 7 已登记，所属网格：石鼓路。");
    language.value = "en";
    expect(t("report.done", { number: "7", grid: "石鼓路" })).toBe("Incident 7 filed in grid 石鼓路.");
  });

  it("leaves a parameter's own braces alone", () => {
    expect(t("town.show", { name: "{name}$&" })).toBe("在地图上显示{name}$&");
  });
});

it("shows a code word that it does not know as it is", () => {
  expect(word("role", "dispatcher")).toBe("派遣员");
  expect(word("role", "mayor")).toBe("mayor");
});

it("writes a limit with the clock it runs on", () => {
  const condition = { code: "1", text: "", closing: null, limit: 4, unit: "working_hour", department: null };
  expect(limit(condition)).toBe("4 工作时");
  expect(limit({ ...condition, limit: null })).toBeNull();
});
