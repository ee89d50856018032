/** Numbers with a unit and moments come in; what a reader expects to see goes out. */
import { language, languageTag, t, word } from "./index";
import type { Condition, Person, Place } from "../api/types";
import { session } from "../session/session";

export function count(value: number | null | undefined): string {
  return value == null ? t("panel.unknown") : new Intl.NumberFormat(languageTag()).format(value);
}

/** Write an area: hectares for a grid, square kilometres for a town. */
export function area(area_m2: number | null | undefined): string {
  if (area_m2 == null) return t("panel.unknown");
  const large = area_m2 >= 1_000_000;
  const unit = { zh: large ? "平方公里" : "公顷", en: large ? "km²" : "ha" }[language.value];
  return `${decimals(area_m2 / (large ? 1_000_000 : 10_000), 2)} ${unit}`;
}

export function length(length_m: number): string {
  const large = length_m >= 1000;
  const unit = { zh: large ? "公里" : "米", en: large ? "km" : "m" }[language.value];
  return `${large ? decimals(length_m / 1000, 2) : decimals(length_m, 0)} ${unit}`;
}

export function metres(distance_m: number): string {
  return decimals(distance_m, distance_m < 10 ? 1 : 0);
}

export function day(moment: string): string {
  return format(moment, { dateStyle: "medium" });
}

export function time(moment: string): string {
  return format(moment, { dateStyle: "medium", timeStyle: "short" });
}

/** Write a place as longitude and latitude, to about a tenth of a metre. */
export function place(at: Place): string {
  return `${at.lon.toFixed(6)}, ${at.lat.toFixed(6)}`;
}

/** Name a person, with the masked phone when there is one. */
export function person(who: Person | null): string {
  return who ? [who.name, who.phone_masked].filter(Boolean).join("  ") : t("panel.nobody");
}

/** Write a condition's time limit with its clock, e.g. `4 工作时`; null when it has none. */
export function limit(condition: Condition): string | null {
  if (condition.limit == null) return null;
  return `${condition.limit} ${word("unit", (condition.unit ?? "").replace(/s$/, ""))}`.trim();
}

function decimals(value: number, digits: number): string {
  return new Intl.NumberFormat(languageTag(), { maximumFractionDigits: digits }).format(value);
}

/** Write a moment in the office's zone: a desk or a phone elsewhere must show the same day and hour. */
function format(moment: string, style: Intl.DateTimeFormatOptions): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return moment;
  return new Intl.DateTimeFormat(languageTag(), { ...style, timeZone: session.me?.timezone }).format(date);
}
