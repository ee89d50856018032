/** A name and a password come in; who is signed in, and what they may do, goes out. */
import { reactive } from "vue";

import { ask } from "../api/client";
import { connection } from "../api/connection";
import { Problem } from "../api/problem";
import type { Me } from "../api/types";

export const session = reactive({
  me: null as Me | null,
  /** Whether the service has said, at least once, who is asking (or that nobody is). */
  known: false,
  problem: null as unknown,
});

/** Ask the service who the cookie belongs to. */
export async function whoAmI(): Promise<void> {
  try {
    session.me = await ask<Me>("/api/v1/me");
    session.known = true;
    session.problem = null;
    connection.signedIn = true;
  } catch (reason) {
    // 401 leaves `me` as it was: a page at work asks for the password again without losing what was typed.
    if (reason instanceof Problem && reason.status === 401) session.known = true;
    else session.problem = reason;
  }
}

/** Sign in; throws the `Problem` whose sentence the form shows. */
export async function signIn(username: string, password: string, code?: string): Promise<void> {
  await ask("/api/v1/session", { method: "POST", body: { username, password, code } });
  await whoAmI();
  // A browser that refuses the cookie is signed in for one answer only, and must say so.
  if (!connection.signedIn) throw session.problem ?? new Problem(401);
}

export async function signOut(): Promise<void> {
  try {
    await ask("/api/v1/session", { method: "DELETE" });
  } catch (reason) {
    // Only a session that is already gone counts as signed out; otherwise the cookie still opens the door.
    if (!(reason instanceof Problem && reason.status === 401)) throw reason;
  }
  connection.signedIn = false;
  session.me = null;
}

export function may(permission: string): boolean {
  return session.me?.permissions.includes(permission) ?? false;
}
