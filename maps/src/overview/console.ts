/** The map of the page comes in; `window.gridsvc`, an aid for browser tests and for the console, goes out. */
import type OlMap from "ol/Map";

import type { LayerName } from "../map/layers";
import type { TownMap } from "../map/view";

export interface ConsoleAid {
  /** The OpenLayers map. */
  map: OlMap;
  /** Resolves when the town is in view and every tile of that view is drawn. */
  ready: Promise<void>;
  /** Resolves when the present view is complete, e.g. after moving the map. */
  settled(): Promise<void>;
  /** Counts a layer's features in the present view, each once; 0 for a layer that is hidden. */
  rendered(layer: LayerName): number;
  /** Tells where on the page, in CSS pixels, a longitude and latitude is drawn. */
  pixel(lon: number, lat: number): [number, number];
}

declare global {
  interface Window {
    gridsvc?: ConsoleAid;
  }
}

export function exposeForTests(town: TownMap, inView: Promise<void>): void {
  window.gridsvc = {
    map: town.map,
    ready: inView.then(() => town.settled()),
    settled: () => town.settled(),
    rendered: (layer) => town.rendered(layer),
    pixel: (lon, lat) => town.pixel(lon, lat),
  };
}

export function hideFromTests(): void {
  delete window.gridsvc;
}
