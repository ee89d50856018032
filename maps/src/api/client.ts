/** A path of the service comes in; its parsed answer goes out, or a `Problem` is thrown. */
import { languageTag } from "../language";
import { note } from "./connection";
import { Problem } from "./problem";

/** An intranet that swallows packets must not leave a form waiting for ever. */
const PATIENCE_MS = 20_000;

export interface Asking {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Makes a repeated POST safe: the service answers the same key and body with the stored answer. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** A password or code goes along: a 401 says that it is wrong, not that the session is lost. */
  proof?: boolean;
}

/** Ask the service. A lost session is noted for the whole page, except where the 401 answers what was typed. */
export async function ask<T>(path: string, asking: Asking = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": languageTag() };
  if (asking.body !== undefined) headers["Content-Type"] = "application/json";
  if (asking.idempotencyKey) headers["Idempotency-Key"] = asking.idempotencyKey;

  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, {
      method: asking.method ?? "GET",
      headers,
      body: asking.body === undefined ? undefined : JSON.stringify(asking.body),
      credentials: "same-origin",
      cache: "no-cache",
      signal: asking.signal ?? AbortSignal.timeout(PATIENCE_MS),
    });
    body = parse(await response.text());
  } catch (cause) {
    // Being overtaken by a newer question is no sign of a broken line.
    if (!asking.signal?.aborted) note(0);
    throw cause instanceof Problem ? cause : new Problem(0);
  }
  if (!(asking.proof && response.status === 401)) note(response.status);
  if (!response.ok) throw new Problem(response.status, body);
  return body as T;
}

function parse(text: string): unknown {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // an HTML page of some proxy: the status alone must do
  }
}
