/** A report and the attempts before come in; the attempt to make now, and what a failed one leaves open, go out. */
import { Problem } from "../api/problem";
import { uuidv7 } from "../api/uuid";

export interface Attempt {
  key: string;
  body: string;
}

/**
 * Choose the idempotency key. The same report keeps its key over every retry, so that the service can tell a repetition
 * from a second report; a changed report is another one, and the service would refuse it under the old key.
 */
export function nextAttempt(report: unknown, last: Attempt | null, newKey: () => string = uuidv7): Attempt {
  const body = JSON.stringify(report);
  return last?.body === body ? last : { key: newKey(), body };
}

/** Answers that tell nothing about an attempt before them: who asks, how often, and whether another is under way. */
const TELLS_NOTHING = new Set([401, 403, 429]);

/**
 * Decide whether a report may have been filed without anybody knowing. It may when no answer came, or when the same key
 * is still at work (409); a refusal of the report itself settles the matter; anything else leaves it as it was.
 */
export function staysOpen(wasOpen: boolean, problem: unknown): boolean {
  if (!(problem instanceof Problem)) return wasOpen;
  if (problem.unanswered || problem.status === 409) return true;
  const refused = problem.status >= 400 && problem.status < 500 && !TELLS_NOTHING.has(problem.status);
  return wasOpen && !refused;
}
