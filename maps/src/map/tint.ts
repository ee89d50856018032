/** A grid's number of open incidents comes in; its fill goes out, with the steps that a legend explains. */

export interface Step {
  /** Lowest and highest count of the step; the last one has no end. */
  from: number;
  to: number | null;
  colour: string;
}

/** One hue that only darkens: legible without colour vision and in grey (as in gridsvc/cartography/colours.py). */
export const steps: readonly Step[] = [
  { from: 0, to: 0, colour: "#f3f6f8" },
  { from: 1, to: 2, colour: "#d8e6f0" },
  { from: 3, to: 5, colour: "#b3cfe3" },
  { from: 6, to: 10, colour: "#83b0d2" },
  { from: 11, to: null, colour: "#5590bd" },
];

/** Choose the fill; a count that is missing or no number is treated as none. */
export function tint(openIncidents: unknown): string {
  const count = typeof openIncidents === "number" && openIncidents > 0 ? openIncidents : 0;
  return steps.findLast((step) => count >= step.from)!.colour;
}
