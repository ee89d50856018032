/** The shapes of the service's JSON answers, as this front end relies on them; nothing goes in or out. */

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Me {
  username: string;
  role: string;
  worker: Person | null;
  permissions: string[];
  /** The office's time zone, such as Asia/Shanghai: every moment is told in it. */
  timezone: string;
  has_factor: boolean;
}

export interface Person {
  id: string;
  name: string;
  phone_masked?: string | null;
}

export interface Named {
  code: string;
  name: string;
}

export interface Community extends Named {
  street?: string | null;
  area_m2?: number | null;
  households?: number | null;
  geometry?: object | null;
}

export interface Grid extends Named {
  kind: string;
  community: string;
  version: number | string;
  area_m2: number;
  households: number;
  buildings: number;
  valid_from: string;
  responsible: Person | null;
  backup: Person | null;
  open_incidents: number;
  routes: number;
}

export interface Building extends Named {
  number: string | null;
  address: string | null;
  use: string | null;
  levels: number | null;
  households: number | null;
  households_source: string | null;
  inhabitants: number | null;
  grid: string | null;
  community: string | null;
}

export interface Asset {
  code: string;
  class: string;
  name: string | null;
  state: string;
  grid: string | null;
  community: string | null;
}

export interface Route {
  id: string;
  name: string;
  grid: string | null;
  worker: string | null;
  length_m: number;
  checkpoints: unknown[];
}

export interface Place {
  lon: number;
  lat: number;
  accuracy_m?: number | null;
}

export interface IncidentSummary {
  id: string;
  number: string;
  class: string;
  class_name: string;
  status: string;
  reported_at: string;
  class_name_en?: string | null;
  text: string | null;
}

export interface Incident extends IncidentSummary {
  condition: string | null;
  condition_text: string | null;
  condition_text_en?: string | null;
  place: Place;
  grid: string | null;
  grid_version: number | string | null;
  community: string | null;
  responsible: string | null;
  queue: string | null;
  due_at: string | null;
  overdue: boolean;
  source: string;
}

export interface Condition {
  code: string;
  text: string;
  text_en?: string | null;
  closing: string | null;
  limit: number | null;
  unit: string | null;
  department: string | null;
}

export interface CatalogueClass {
  class: string;
  kind: string;
  name: string;
  name_en?: string | null;
  conditions: Condition[];
}

export interface Catalogue {
  version: string;
  scheme: string;
  classes: CatalogueClass[];
}

export interface Located {
  community: Named | null;
  grid: (Named & { version: number | string }) | null;
  responsible: Person | null;
  backup: Person | null;
  rule: string;
  border_distance_m: number | null;
  on_border: boolean;
  ambiguous: boolean;
  queue: string | null;
}

/** A place that search found; a corner of two streets has no code. */
export interface Found {
  kind: "division" | "community" | "grid" | "street" | "building" | "asset" | "incident" | "corner";
  code: string | null;
  name: string;
  detail: string | null;
  lon: number | null;
  lat: number | null;
  distance_m: number | null;
}

export interface TileJson {
  attribution?: string;
  bounds?: [number, number, number, number];
}
