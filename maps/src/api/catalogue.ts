/** The service's catalogue comes in once per visit; the classes, and names in the reader's language, go out. */
import { shallowRef } from "vue";

import { language } from "../language";
import { ask } from "./client";
import type { Catalogue, CatalogueClass, Condition, Incident, IncidentSummary } from "./types";

export const catalogue = shallowRef<Catalogue | null>(null);
let asked: Promise<Catalogue> | null = null;

/** Fetch the catalogue unless it is here already; a failure is not kept, so that the next call tries again. */
export async function loadCatalogue(): Promise<void> {
  asked ??= ask<Catalogue>("/api/v1/catalogue");
  try {
    catalogue.value = await asked;
  } catch (reason) {
    asked = null;
    throw reason;
  }
}

export function classTitle(entry: CatalogueClass): string {
  return inLanguage(entry.name, entry.name_en);
}

export function conditionTitle(condition: Condition): string {
  return inLanguage(condition.text, condition.text_en);
}

/** Name an incident's class as it was called in the catalogue version it was filed under. */
export function incidentTitle(incident: IncidentSummary): string {
  return inLanguage(incident.class_name, incident.class_name_en) || incident.class;
}

export function incidentCondition(incident: Incident): string | null {
  return inLanguage(incident.condition_text, incident.condition_text_en);
}

function inLanguage<T extends string | null>(chinese: T, english: string | null | undefined): T | string {
  return (language.value === "en" && english) || chinese;
}
