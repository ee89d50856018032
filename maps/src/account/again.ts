/** Something to do that may need a fresh proof comes in; by what that is given, and the doing of it afterwards, goes out. */
import { shallowRef } from "vue";

import { Problem } from "../api/problem";
import { useDoing } from "./doing";

export type Way = "password" | "code" | "issuer";

/** Read out of a refusal by what one proves again who one is; null when it is about something else. */
export function waysOf(reason: unknown): Way[] | null {
  if (!(reason instanceof Problem) || reason.status !== 403) return null;
  const told = (reason.body as { proof?: unknown } | null)?.proof;
  return Array.isArray(told) ? told.filter((one): one is Way => ["password", "code", "issuer"].includes(one)) : null;
}

/** Like `useDoing`, but what is refused for want of a proof waits in `ways` and is done by `repeat`. */
export function useProving() {
  const doing = useDoing();
  const ways = shallowRef<Way[] | null>(null);
  let waiting: (() => Promise<unknown>) | null = null;

  async function act(work: () => Promise<unknown>): Promise<boolean> {
    const done = await doing.act(work);
    ways.value = waysOf(doing.problem.value);
    waiting = ways.value && work;
    if (ways.value) doing.problem.value = null;
    return done;
  }
  async function repeat(): Promise<void> {
    if (waiting) await act(waiting);
  }
  function drop(): void {
    ways.value = waiting = null;
  }
  return { ...doing, act, ways, repeat, drop };
}
