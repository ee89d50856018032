/** An element of the page comes in; a live map of the service's layers goes out, with what a page may do to it. */
import ScaleLine from "ol/control/ScaleLine";
import { buffer, createEmpty, extend, getCenter, isEmpty, type Extent } from "ol/extent";
import type { FeatureLike } from "ol/Feature";
import Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import Point from "ol/geom/Point";
import { defaults as defaultInteractions } from "ol/interaction/defaults";
import VectorLayer from "ol/layer/Vector";
import VectorTileLayer from "ol/layer/VectorTile";
import OlMap from "ol/Map";
import { fromLonLat, toLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import View from "ol/View";

import type { Place } from "../api/types";
import { labelAreas } from "./labels";
import {
  identity,
  kinds,
  layerNames,
  layerOf,
  makeLayers,
  makeTiles,
  PIN_Z,
  rules,
  SELECTION_Z,
  type LayerName,
  type Selection,
} from "./layers";
import { pin, selected } from "./styles";

/** How far from a symbol or a line, in pixels, a click still means it: a fingertip is not a needle. */
const TOLERANCE_PX = 6;
const MIN_ZOOM = 8;
const MAX_ZOOM = 20;
/** Zoom steps one may step back from the whole town. */
const STEP_BACK = 2;
const CHINA = fromLonLat([105, 35]);

export class TownMap {
  readonly map: OlMap;
  private readonly tiles = makeTiles();
  private readonly layers = makeLayers(this.tiles);
  private readonly highlight = new VectorTileLayer({ zIndex: SELECTION_Z, renderMode: "vector", visible: false });
  private readonly mark = new Feature<Point>();
  private home: Extent | null = null;
  /** Pixels at the left that something on the map covers, and that a whole view therefore leaves free. */
  covered = 0;

  constructor(target: HTMLElement) {
    this.map = new OlMap({
      target,
      layers: [
        ...this.layers,
        this.highlight,
        new VectorLayer({ source: new VectorSource({ features: [this.mark] }), style: pin, zIndex: PIN_Z }),
      ],
      controls: [new ScaleLine({ minWidth: 80 })],
      interactions: defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
      view: new View({ center: CHINA, zoom: 4 }),
    });
    this.map.addLayer(labelAreas(this.map, this.layers));
  }

  /** Bind the view to the ground of the given GeoJSON geometries, and show all of it. */
  settle(geometries: object[]): void {
    const extent = createEmpty();
    for (const geometry of geometries) extend(extent, extentOf(geometry));
    if (isEmpty(extent)) return;
    this.home = extent;
    const reach = Math.max(extent[2]! - extent[0]!, extent[3]! - extent[1]!);
    this.map.setView(
      new View({
        center: getCenter(extent),
        zoom: 12,
        minZoom: MIN_ZOOM,
        maxZoom: MAX_ZOOM,
        // One may look around the town, but not get lost in an empty world.
        extent: buffer(extent, reach),
        constrainOnlyCenter: true,
      }),
    );
    this.showAll();
    const view = this.map.getView();
    view.setMinZoom(Math.max(MIN_ZOOM, (view.getZoom() ?? 0) - STEP_BACK));
  }

  showAll(): void {
    if (this.home) this.show(this.home, 0);
  }

  /** Fit the view to a GeoJSON geometry (EPSG:4326). */
  showGeometry(geometry: object): void {
    this.show(extentOf(geometry), 300);
  }

  private show(extent: Extent, duration: number): void {
    this.map.updateSize();
    const padding = [28, 28, 44, 28 + this.covered];
    this.map.getView().fit(extent, { padding, maxZoom: 18, duration: calm(duration) });
  }

  zoomBy(steps: number): void {
    const view = this.map.getView();
    view.animate({ zoom: (view.getZoom() ?? 0) + steps, duration: calm(180) });
  }

  /** Bring a place into view unless it is there already. */
  reveal(place: Place): void {
    const at = fromLonLat([place.lon, place.lat]);
    const view = this.map.getView();
    const [width, height] = this.size();
    const pixel = this.map.getPixelFromCoordinate(at);
    const margin = 30;
    if (pixel && inside(pixel[0], margin, width) && inside(pixel[1], margin, height)) return;
    view.animate({ center: at, zoom: Math.max(view.getZoom() ?? 0, 16), duration: calm(300) });
  }

  /** Bring a place into the middle of the view, near enough to see a house. */
  goTo(place: Place): void {
    const view = this.map.getView();
    const center = fromLonLat([place.lon, place.lat]);
    view.animate({ center, zoom: Math.max(view.getZoom() ?? 0, 17), duration: calm(400) });
  }

  /** Tell where the map looks, or null while it shows no town yet. */
  centre(): Place | null {
    return this.home ? this.placeAt(this.centrePixel()) : null;
  }

  setVisible(name: LayerName, visible: boolean): void {
    for (const layer of this.layers) if (layer.layerName === name) layer.setVisible(visible);
    this.map.render();
  }

  /** Fetch layers anew, all of them when none is named. */
  refetch(...names: LayerName[]): void {
    for (const name of names.length ? names : layerNames) this.tiles[name].refetch();
  }

  /** Draw again with the letters of another language. */
  restyle(): void {
    for (const layer of this.layers) if (layer.layerName === "incidents") layer.changed();
  }

  select(selection: Selection | null): void {
    this.highlight.setVisible(selection !== null);
    if (!selection) return;
    const layer = layerOf[selection.kind];
    this.highlight.setSource(this.tiles[layer]);
    this.highlight.setStyle((feature) => (identity(layer, feature) === selection.id ? selected : undefined));
  }

  setMark(place: Place | null): void {
    this.mark.setGeometry(place ? new Point(fromLonLat([place.lon, place.lat])) : undefined);
  }

  /** Find the most specific thing under a pixel: a symbol or line nearby, else the area that holds it. */
  at(pixel: number[]): Selection | null {
    for (const kind of kinds) {
      const name = layerOf[kind];
      const hitTolerance = kind === "building" || kind === "grid" ? 0 : TOLERANCE_PX;
      const id = this.map.forEachFeatureAtPixel(pixel, (feature) => identity(name, feature) ?? undefined, {
        hitTolerance,
        layerFilter: (layer) => this.layers.some((own) => own === layer && own.layerName === name),
      });
      if (id) return { kind, id };
    }
    return null;
  }

  centrePixel(): number[] {
    const [width, height] = this.size();
    return [width / 2, height / 2];
  }

  private size(): [number, number] {
    return (this.map.getSize() ?? [0, 0]) as [number, number];
  }

  placeAt(pixel: number[]): Place {
    const [lon, lat] = toLonLat(this.map.getCoordinateFromPixel(pixel)) as [number, number];
    // A tenth of a metre is finer than any click.
    return { lon: Number(lon.toFixed(6)), lat: Number(lat.toFixed(6)) };
  }

  /** Count the features of a layer in the present view, each once, however many tiles hold a piece of it. */
  rendered(name: LayerName): number {
    const layer = this.layers.find((own) => own.layerName === name);
    const zoom = this.map.getView().getZoom() ?? 0;
    if (!layer?.getVisible() || zoom < rules[name].minZoom) return 0;
    const extent = this.map.getView().calculateExtent(this.map.getSize());
    const seen = new Set<FeatureLike | string>();
    for (const feature of layer.getFeaturesInExtent(extent)) {
      if (layer.tiles.isCurrent(feature)) seen.add(identity(name, feature) ?? feature);
    }
    return seen.size;
  }

  /** Wait until every tile of the present view is there and drawn. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.map.once("rendercomplete", () => resolve());
      this.map.render();
    });
  }

  /** Tell where on the page (CSS pixels) a place is drawn. */
  pixel(lon: number, lat: number): [number, number] {
    const [x, y] = this.map.getPixelFromCoordinate(fromLonLat([lon, lat])) as [number, number];
    const box = this.map.getTargetElement()!.getBoundingClientRect();
    return [box.left + x, box.top + y];
  }

  dispose(): void {
    this.map.setTarget(undefined);
    this.map.dispose();
  }
}

/** Measure a GeoJSON geometry (EPSG:4326) in the coordinates of the view (EPSG:3857). */
function extentOf(geometry: object): Extent {
  return new GeoJSON({ featureProjection: "EPSG:3857" }).readGeometry(geometry)?.getExtent() ?? createEmpty();
}

function inside(value: number | undefined, margin: number, size: number): boolean {
  return value !== undefined && value >= margin && value <= size - margin;
}

/** Respect readers who get dizzy from moving maps. */
function calm(duration_ms: number): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : duration_ms;
}
