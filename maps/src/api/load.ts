/** A path that may change comes in; its latest answer, or the problem with a way to retry, goes out. */
import { ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { ask } from "./client";
import { connection } from "./connection";

export interface Load<T> {
  data: ShallowRef<T | null>;
  problem: ShallowRef<unknown>;
  loading: Ref<boolean>;
  retry: () => Promise<void>;
}

/** Load `path()` now and whenever it changes; only the answer to the newest question counts. */
export function useLoad<T>(path: () => string): Load<T> {
  const data = shallowRef<T | null>(null);
  const problem = shallowRef<unknown>(null);
  const loading = ref(false);
  let newest = 0;

  async function retry(): Promise<void> {
    const turn = ++newest;
    loading.value = true;
    problem.value = null;
    try {
      const answer = await ask<T>(path());
      if (turn === newest) data.value = answer;
    } catch (reason) {
      if (turn === newest) problem.value = reason;
    } finally {
      if (turn === newest) loading.value = false;
    }
  }

  watch(
    path,
    () => {
      data.value = null;
      void retry();
    },
    { immediate: true },
  );
  // What failed for want of a line or a session is asked again as soon as both are back.
  watch(
    () => connection.reachable && connection.signedIn,
    (back) => {
      if (back && problem.value) void retry();
    },
  );
  return { data, problem, loading, retry };
}
