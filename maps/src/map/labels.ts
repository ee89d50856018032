/** The pieces of areas that tiles hold come in; one name per area, on its largest piece in view, goes out. */
import { containsCoordinate, getArea, getCenter, getIntersection, intersects, type Extent } from "ol/extent";
import Feature from "ol/Feature";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import type RenderFeature from "ol/render/Feature";
import VectorSource from "ol/source/Vector";

import { LABELS_Z, type GridLayer, type LayerName } from "./layers";
import { areaName } from "./styles";

/** Which areas are named, and between which zooms: communities until there is room for the names of their grids. */
const named: { layer: LayerName; from: number; to: number }[] = [
  { layer: "communities", from: 0, to: 13.5 },
  { layer: "grids", from: 13.5, to: Infinity },
  { layer: "buildings", from: 17, to: Infinity },
];

interface Name {
  layer: LayerName;
  name: string;
  at: number[];
}

/**
 * Label areas. A tile cuts an area into pieces, and a label per piece would repeat the name in every tile; so the
 * pieces in view are gathered by code, and the largest one carries the name.
 */
export function labelAreas(map: OlMap, layers: GridLayer[]): VectorLayer {
  const source = new VectorSource();
  const labels = new VectorLayer({ source, style: areaName, declutter: true, zIndex: LABELS_Z });
  let shown = "";

  map.on("rendercomplete", () => {
    const view = map.getView();
    const zoom = view.getZoom() ?? 0;
    const extent = view.calculateExtent(map.getSize());
    const names = named
      .filter(({ from, to }) => zoom >= from && zoom < to)
      .flatMap(({ layer }) => layers.find((own) => own.layerName === layer && own.getVisible()) ?? [])
      .flatMap((layer) => namesIn(layer, extent));
    // Changing the labels renders the map again; without this comparison it would never come to rest.
    const next = JSON.stringify(names);
    if (next === shown) return;
    shown = next;
    source.clear(true);
    source.addFeatures(names.map(({ at, ...rest }) => new Feature({ geometry: new Point(at), ...rest })));
  });
  return labels;
}

function namesIn(layer: GridLayer, extent: Extent): Name[] {
  const largest = new Map<string, { piece: RenderFeature; area: number }>();
  for (const feature of layer.getFeaturesInExtent(extent)) {
    const piece = feature as RenderFeature;
    if (!layer.tiles.isCurrent(piece) || !intersects(extent, piece.getExtent())) continue;
    const code = String(piece.get("code"));
    const area = getArea(getIntersection(extent, piece.getExtent()));
    if (area > (largest.get(code)?.area ?? -1)) largest.set(code, { piece, area });
  }
  return [...largest.values()].flatMap(({ piece }) => {
    // On the ground a building is known by its number; its name, if it has one, is often as long as the street.
    const name = String(piece.get("number") || piece.get("name") || "");
    return name ? { layer: layer.layerName, name, at: anchor(piece, extent) } : [];
  });
}

/** Find a point inside the piece; when that lies outside the view, the middle of what is seen. */
function anchor(piece: RenderFeature, view: Extent): number[] {
  const inside = piece.getFlatInteriorPoint().slice(0, 2);
  return containsCoordinate(view, inside) ? inside : getCenter(getIntersection(view, piece.getExtent()));
}
