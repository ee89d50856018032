/** Counts come in; proof that the tint never brightens as they grow, and that its steps leave no gap, goes out. */
import { expect, it } from "vitest";

import { steps, tint } from "../src/map/tint";

const brightness = (colour: string) => [1, 3, 5].reduce((sum, at) => sum + parseInt(colour.slice(at, at + 2), 16), 0);

it("covers every count from none without gap or overlap", () => {
  expect(steps[0]!.from).toBe(0);
  steps.slice(1).forEach((step, index) => expect(step.from).toBe(steps[index]!.to! + 1));
  expect(steps.at(-1)!.to).toBeNull();
});

it("only darkens", () => {
  const shades = steps.map(({ colour }) => brightness(colour));
  shades.slice(1).forEach((shade, index) => expect(shade).toBeLessThan(shades[index]!));
});

it.each([
  [0, 0],
  [1, 1],
  [2, 1],
  [3, 2],
  [5, 2],
  [6, 3],
  [10, 3],
  [11, 4],
  [100_000, 4],
])("tints %i open incidents with step %i", (count, step) => {
  expect(tint(count)).toBe(steps[step]!.colour);
});

it.each([undefined, null, "12", -1, NaN])("takes %s for none", (count) => {
  expect(tint(count)).toBe(steps[0]!.colour);
});
