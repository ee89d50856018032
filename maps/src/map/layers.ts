/** Nothing comes in but the table below; the tile layers of the service, from the ground up, go out. */
import type { FeatureLike } from "ol/Feature";
import VectorTileLayer from "ol/layer/VectorTile";
import type { StyleFunction } from "ol/style/Style";

import * as styles from "./styles";
import { LayerTiles } from "./tiles";

export const layerNames = ["communities", "grids", "buildings", "streets", "routes", "assets", "incidents"] as const;
export type LayerName = (typeof layerNames)[number];

/** What a click can open, most specific first. */
export const kinds = ["incident", "asset", "building", "route", "grid"] as const;
export type Kind = (typeof kinds)[number];
export const layerOf: Record<Kind, LayerName> = {
  incident: "incidents",
  asset: "assets",
  building: "buildings",
  route: "routes",
  grid: "grids",
};

export interface Selection {
  kind: Kind;
  id: string;
}

interface Rule {
  /** The attribute that identifies a feature; a street has none. */
  key: "code" | "id" | null;
  /** The zoom from which the service makes tiles of the layer, and the view shows it. */
  minZoom: number;
  /** What is drawn, each with its height: the border of a grid lies above the streets, its fill below. */
  drawn: { style: StyleFunction; zIndex: number; declutter?: boolean }[];
}

export const rules: Record<LayerName, Rule> = {
  grids: {
    key: "code",
    minZoom: 8,
    drawn: [
      { style: styles.gridGround, zIndex: 10 },
      { style: styles.gridBorder, zIndex: 40 },
    ],
  },
  buildings: { key: "code", minZoom: 14, drawn: [{ style: styles.building, zIndex: 20 }] },
  streets: { key: null, minZoom: 12, drawn: [{ style: styles.street, zIndex: 30, declutter: true }] },
  communities: { key: "code", minZoom: 0, drawn: [{ style: styles.community, zIndex: 50 }] },
  routes: { key: "id", minZoom: 12, drawn: [{ style: styles.route, zIndex: 45 }] },
  assets: { key: "code", minZoom: 16, drawn: [{ style: styles.asset, zIndex: 70 }] },
  incidents: { key: "id", minZoom: 8, drawn: [{ style: styles.incident, zIndex: 100 }] },
};
export const LABELS_Z = 80;
export const SELECTION_Z = 90;
export const PIN_Z = 110;

export class GridLayer extends VectorTileLayer {
  constructor(
    readonly layerName: LayerName,
    readonly tiles: LayerTiles,
    drawn: Rule["drawn"][number],
  ) {
    super({
      source: tiles,
      style: drawn.style,
      zIndex: drawn.zIndex,
      declutter: drawn.declutter ?? false,
      // The library's bound is exclusive, ours is inclusive.
      minZoom: rules[layerName].minZoom - 1e-6,
      renderBuffer: 120,
    });
  }
}

export function makeTiles(): Record<LayerName, LayerTiles> {
  const make = (name: LayerName) => [name, new LayerTiles(name, rules[name].minZoom)] as const;
  return Object.fromEntries(layerNames.map(make)) as Record<LayerName, LayerTiles>;
}

export function makeLayers(tiles: Record<LayerName, LayerTiles>): GridLayer[] {
  return layerNames.flatMap((name) => rules[name].drawn.map((drawn) => new GridLayer(name, tiles[name], drawn)));
}

/** Tell a feature's identity in its layer, or null where it has none. */
export function identity(name: LayerName, feature: FeatureLike): string | null {
  const key = rules[name].key;
  const value: unknown = key && feature.get(key);
  return value == null ? null : String(value);
}
