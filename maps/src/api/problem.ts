/** An answer that is no success (or no answer at all) comes in; a sentence for the reader goes out. */
import { t } from "../language";

/** A request that did not succeed. `status` 0 means that no answer came: nobody knows whether the service acted. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: unknown = null,
  ) {
    super(`request failed with status ${status}`);
  }

  /** Whether the request may or may not have been carried out: no answer, or one from something in between. */
  get unanswered(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }
}

/** Say what went wrong: the service's own `detail` (RFC 9457) when it has one, else a sentence for the status. */
export function sentence(problem: unknown): string {
  if (!(problem instanceof Problem)) return t("problem.page");
  return detail(problem.body) ?? byStatus(problem.status);
}

function detail(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const said = "detail" in body ? body.detail : null;
  if (typeof said === "string" && said.trim()) return said;
  // A validation refusal lists its faults one by one: [{"loc": ["body", "text"], "msg": "…"}].
  if (Array.isArray(said)) {
    const faults = said.flatMap((fault: { loc?: unknown[]; msg?: unknown }) =>
      typeof fault?.msg === "string" ? [`${fault.loc?.at(-1) ?? ""}: ${fault.msg}`.replace(/^: /, "")] : [],
    );
    if (faults.length) return faults.join("; ");
  }
  const title = "title" in body ? body.title : null;
  return typeof title === "string" && title.trim() ? title : null;
}

function byStatus(status: number): string {
  if (status === 0 || status === 502 || status === 504) return t("problem.unreachable");
  if (status === 401) return t("problem.signedOut");
  if (status === 403) return t("problem.forbidden");
  if (status === 404) return t("problem.notFound");
  if (status === 429) return t("problem.tooMany");
  if (status >= 500) return t("problem.service");
  return t("problem.refused", { status });
}
