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
  /** What must be done before anything else: add a second factor, or change a password that is too old. */
  todo: null as "factor" | "password" | null,
});

/** Ask the service who the cookie belongs to. */
export async function whoAmI(): Promise<void> {
  try {
    session.me = await ask<Me>("/api/v1/me");
    session.known = true;
    session.problem = null;
    session.todo = null;
    connection.signedIn = true;
  } catch (reason) {
    // 401 leaves `me` as it was: a page at work asks for the password again without losing what was typed.
    if (reason instanceof Problem && reason.status === 401) session.known = true;
    else if (todoOf(reason)) {
      session.todo = todoOf(reason);
      session.known = true;
      connection.signedIn = true;
    } else session.problem = reason;
  }
}

function todoOf(reason: unknown): "factor" | "password" | null {
  const todo = reason instanceof Problem && reason.status === 403 ? (reason.body as { todo?: string } | null)?.todo : null;
  return todo === "factor" || todo === "password" ? todo : null;
}

/** End a sign-in through the issuer with the code of the second factor. */
export async function giveCode(code: string): Promise<void> {
  await ask("/api/v1/session/issuer/code", { method: "POST", body: { code }, proof: true });
  await whoAmI();
}

/** Leave for the issuer, to come back signed in to a page of this service. */
export async function leaveForIssuer(next: string): Promise<void> {
  const { address } = await ask<{ address: string }>("/api/v1/session/issuer", { method: "POST", body: { next } });
  location.assign(address);
}

/** Sign in; throws the `Problem` whose sentence the form shows. */
export async function signIn(username: string, password: string, code?: string): Promise<void> {
  await ask("/api/v1/session", { method: "POST", body: { username, password, code }, proof: true });
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
  session.todo = null;
}

export function may(permission: string): boolean {
  return session.me?.permissions.includes(permission) ?? false;
}
