/** The communities of the service come in, page by page; their list, names and common attribution go out. */
import { shallowRef } from "vue";

import { ask } from "./client";
import type { Community, Page, TileJson } from "./types";

export const communities = shallowRef<Community[]>([]);

/** Load every community with its geometry. */
export async function loadCommunities(): Promise<Community[]> {
  const all: Community[] = [];
  let path: string | null = "/api/v1/communities?geometry=true&limit=1000";
  while (path) {
    const page: Page<Community> = await ask<Page<Community>>(path);
    all.push(...page.items);
    path = page.next;
  }
  return (communities.value = all);
}

export function communityName(code: string | null): string | null {
  return communities.value.find((community) => community.code === code)?.name ?? code;
}

/** Ask whom the ground is owed to, as plain text: a TileJSON attribution may hold markup, which is not trusted. */
export async function loadAttribution(): Promise<string> {
  const { attribution } = await ask<TileJson>("/tiles/communities.json");
  return new DOMParser().parseFromString(attribution ?? "", "text/html").body.textContent?.trim() ?? "";
}
