/** A key and its parameters come in; the sentence in the reader's language goes out. */
import { ref, watch } from "vue";

import { recall, remember } from "../memory";
import { en } from "./en";
import { zh, type Key } from "./zh";

export type Language = "zh" | "en";
export type { Key };

export const dictionaries: Record<Language, Record<Key, string>> = { zh, en };
const tags: Record<Language, string> = { zh: "zh-CN", en: "en" };
const isLanguage = (value: unknown): value is Language => value === "zh" || value === "en";

/** The language of the interface: Chinese first, then whatever was chosen last. */
export const language = ref<Language>(recall("language", isLanguage, "zh"));

export function languageTag(): string {
  return tags[language.value];
}

/** Translate a key, filling in `{name}` by parameter. */
export function t(key: Key, parameters: Record<string, string | number> = {}): string {
  const sentence = dictionaries[language.value][key];
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole));
}

/** Translate a code word of the service, such as a role; one this page does not know yet is shown as it is. */
export function word(family: "role" | "state" | "asset" | "kind" | "use" | "source" | "queue" | "unit" | "found", code: string): string {
  const key = `${family}.${code}`;
  return isKey(key) ? t(key) : code;
}

function isKey(key: string): key is Key {
  return Object.hasOwn(zh, key);
}

/** Keep the document in step with the language, and remember it. Called once by each page. */
export function followLanguage(): void {
  watch(
    language,
    () => {
      document.documentElement.lang = languageTag();
      document.title = t("product");
      remember("language", language.value);
    },
    { immediate: true, flush: "sync" },
  );
}
