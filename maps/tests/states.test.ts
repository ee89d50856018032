/** The table of states comes in; proof that each can be told from every other, by colour and by letter, goes out. */
import { describe, expect, it } from "vitest";

import { assetColour, assetStates, incidentStates, lookOf, looks, unknownLook } from "../src/map/states";

const all = incidentStates.map((state) => looks[state]);

/** Contrast of two colours as WCAG 2 defines it: 1 (none) to 21. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe("every incident state", () => {
  it.each(incidentStates)("%s has a colour, and one letter in each language", (state) => {
    expect(looks[state].disc).toMatch(/^#[0-9a-f]{6}$/);
    expect(looks[state].letter.zh).toMatch(/^\p{Script=Han}$/u);
    expect(looks[state].letter.en).toMatch(/^[A-Z]$/);
  });

  it.each(incidentStates)("%s has a letter that stands off its disc", (state) => {
    expect(contrast(looks[state].disc, looks[state].ink)).toBeGreaterThanOrEqual(3);
  });

  it("differs from every other in colour and in both letters", () => {
    expect(new Set(all.map((look) => look.disc)).size).toBe(all.length);
    expect(new Set(all.map((look) => look.letter.zh)).size).toBe(all.length);
    expect(new Set(all.map((look) => look.letter.en)).size).toBe(all.length);
  });
});

it("draws a state nobody knows, even one named like a part of the language", () => {
  expect(lookOf("lost in space")).toBe(unknownLook);
  expect(lookOf("constructor")).toBe(unknownLook);
});

it("gives every asset state its own colour", () => {
  expect(new Set(assetStates.map(assetColour)).size).toBe(assetStates.length);
});
