/** The state of an incident or an asset comes in; how the map and the lists show it goes out. */
import type { Language } from "../language";

export const incidentStates = [
  "reported",
  "verifying",
  "filed",
  "dispatched",
  "handling",
  "suspended",
  "feedback",
  "checking",
  "closed",
  "rejected",
  "merged",
] as const;
export type IncidentState = (typeof incidentStates)[number];

export interface Look {
  letter: Record<Language, string>;
  disc: string;
  ink: string;
  /** Nothing is left to do: it gives way to those where something is. */
  ended?: true;
}

/**
 * The hues of Okabe and Ito ("Color Universal Design", 2008), which the common kinds of colour blindness keep apart;
 * each state carries a letter too. Printed pages use the same table (gridsvc/cartography/colours.py).
 */
export const looks: Record<IncidentState, Look> = {
  reported: { letter: { zh: "报", en: "R" }, disc: "#d55e00", ink: "#ffffff" },
  verifying: { letter: { zh: "核", en: "V" }, disc: "#a35a00", ink: "#ffffff" },
  filed: { letter: { zh: "立", en: "F" }, disc: "#e69f00", ink: "#1f2933" },
  dispatched: { letter: { zh: "派", en: "D" }, disc: "#f0e442", ink: "#1f2933" },
  handling: { letter: { zh: "处", en: "H" }, disc: "#0072b2", ink: "#ffffff" },
  suspended: { letter: { zh: "挂", en: "S" }, disc: "#5b4b8a", ink: "#ffffff" },
  feedback: { letter: { zh: "馈", en: "B" }, disc: "#007f5f", ink: "#ffffff" },
  checking: { letter: { zh: "实", en: "K" }, disc: "#56b4e9", ink: "#1f2933" },
  closed: { letter: { zh: "结", en: "C" }, disc: "#6b7785", ink: "#ffffff", ended: true },
  rejected: { letter: { zh: "退", en: "X" }, disc: "#ffffff", ink: "#4a5560", ended: true },
  merged: { letter: { zh: "并", en: "M" }, disc: "#dfe4e8", ink: "#4a5560", ended: true },
};

/** A state this page does not know yet is still drawn, and plainly none of the known. */
export const unknownLook: Look = { letter: { zh: "?", en: "?" }, disc: "#ffffff", ink: "#1f2933" };

export function lookOf(state: string): Look {
  return Object.hasOwn(looks, state) ? looks[state as IncidentState] : unknownLook;
}

export const assetStates = ["intact", "broken", "missing", "abandoned", "removed"] as const;

const assetColours: Record<string, string> = {
  intact: "#4f7f6a",
  broken: "#d55e00",
  missing: "#a3261e",
  abandoned: "#6b7785",
  removed: "#aab2ba",
};

export function assetColour(state: string): string {
  return assetColours[state] ?? unknownLook.ink;
}
