/** Something to do comes in; whether it is being done, is done, or why not, goes out. */
import { ref, shallowRef } from "vue";

import { Problem, sentence } from "../api/problem";
import { t } from "../language";

export function useDoing() {
  const busy = ref(false);
  const done = ref(false);
  const problem = shallowRef<unknown>(null);

  async function act(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true;
    done.value = false;
    problem.value = null;
    try {
      await work();
      done.value = true;
    } catch (reason) {
      problem.value = reason;
    } finally {
      busy.value = false;
    }
    return done.value;
  }

  /** Say why it was not done; a 401 is about the password or code that was typed. */
  function why(): string {
    const reason = problem.value;
    return reason instanceof Problem && reason.status === 401 ? t("account.wrong") : sentence(reason);
  }
  return { busy, done, problem, act, why };
}
