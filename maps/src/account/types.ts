/** The shapes of accounts, sign-ins and tokens as the service answers them. */
export interface OwnSession {
  id: number;
  last_used_at: string;
  address: string | null;
  agent: string | null;
  current: boolean;
}

export interface Token {
  id: number;
  label: string;
  scopes: string[] | null;
  expires_at: string;
}

export interface Account {
  id: number;
  username: string;
  role: string;
  territory: string[] | null;
  has_factor: boolean;
  disabled_at: string | null;
}

export const roles = ["admin", "planner", "dispatcher", "intake", "supervisor", "department", "worker", "viewer"] as const;
