/** What somebody types, and where the map looks, comes in; the places that answer it go out, never those of an older question. */
import { ref, shallowRef, watch, type Ref } from "vue";

import { ask } from "../api/client";
import type { Found, Page, Place } from "../api/types";

/** Long enough that a word typed at once is one question, short enough not to be noticed. */
const PAUSE_MS = 180;

export function useSearch(text: Ref<string>, near: () => Place | null) {
  const items = shallowRef<Found[]>([]);
  const state = ref<"idle" | "loading" | "done" | "failed">("idle");
  const problem = shallowRef<unknown>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | null = null;

  function stop(): void {
    clearTimeout(timer);
    running?.abort();
    running = null;
  }

  async function find(): Promise<void> {
    stop();
    const own = (running = new AbortController());
    state.value = "loading";
    try {
      const { items: found } = await ask<Page<Found>>(pathOf(text.value, near()), { signal: own.signal });
      if (own.signal.aborted) return;
      items.value = found;
      state.value = "done";
    } catch (reason) {
      if (own.signal.aborted) return;
      items.value = [];
      problem.value = reason;
      state.value = "failed";
    }
  }

  watch(text, (now) => {
    stop();
    if (now.trim()) {
      timer = setTimeout(() => void find(), PAUSE_MS);
      return;
    }
    items.value = [];
    state.value = "idle";
  });
  return { items, state, problem, find, stop };
}

export function pathOf(text: string, near: Place | null): string {
  const asked = new URLSearchParams({ q: text.trim(), limit: "8" });
  if (near) {
    asked.set("lon", String(near.lon));
    asked.set("lat", String(near.lat));
  }
  return `/api/v1/search?${asked}`;
}
