/** Questions come in, faster than they are answered; proof that only the newest is shown, and what is sent. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { nextTick, ref } from "vue";

import { pathOf, useSearch } from "../src/search/find";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const answer = (name: string) => new Response(JSON.stringify({ items: [{ name }], next: null }));

it("asks with the place the map looks at, and with signs that an address could misread written out", () => {
  expect(pathOf(" a&b ", { lon: 1, lat: 2 })).toBe("/api/v1/search?q=a%26b&limit=8&lon=1&lat=2");
  expect(pathOf("x", null)).toBe("/api/v1/search?q=x&limit=8");
});

it("asks once for a word typed at once, and shows no answer to an older question", async () => {
  const waiting: ((response: Response) => void)[] = [];
  const fetched = vi.fn(() => new Promise<Response>((resolve) => waiting.push(resolve)));
  vi.stubGlobal("fetch", fetched);
  const text = ref("");
  const { items, state } = useSearch(text, () => null);
  for (const typed of ["新", "新街", "新街口"]) {
    text.value = typed;
    await nextTick();
  }
  await vi.advanceTimersByTimeAsync(500);
  expect(fetched).toHaveBeenCalledTimes(1);
  text.value = "中山路";
  await nextTick();
  await vi.advanceTimersByTimeAsync(500);
  waiting[1]!(answer("newer"));
  await vi.advanceTimersByTimeAsync(0);
  waiting[0]!(answer("older"));
  await vi.advanceTimersByTimeAsync(0);
  expect(items.value.map(({ name }) => name)).toEqual(["newer"]);
  expect(state.value).toBe("done");
  text.value = "";
  await nextTick();
  expect([items.value.length, state.value]).toEqual([0, "idle"]);
});
