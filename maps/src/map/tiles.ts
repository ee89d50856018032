/** A layer's name comes in; a source of its vector tiles goes out, one that never shows a stale tile as a fresh one. */
import type { FeatureLike } from "ol/Feature";
import MVT from "ol/format/MVT";
import type RenderFeature from "ol/render/Feature";
import VectorTileSource from "ol/source/VectorTile";
import type Tile from "ol/Tile";
import { createXYZ } from "ol/tilegrid";
import TileState from "ol/TileState";
import type VectorTile from "ol/VectorTile";

import { note } from "../api/connection";

/** Tiles are cut in 4096 steps: from zoom 17 on, drawing them larger loses nothing. */
const MAX_TILE_ZOOM = 17;
/** Drawn at 512 px a tile is as sharp, and a screen needs a quarter of the requests. */
const TILE_SIZE_PX = 512;

/** Which edition of its layer a feature was read in, so that a tile kept for a smooth picture is not counted. */
const editions = new WeakMap<FeatureLike, number>();

export class LayerTiles extends VectorTileSource<RenderFeature> {
  private edition = 0;

  constructor(
    private readonly layer: string,
    minZoom: number,
  ) {
    super({
      format: new MVT(),
      tileGrid: createXYZ({ minZoom, maxZoom: MAX_TILE_ZOOM, tileSize: TILE_SIZE_PX }),
      wrapX: false,
      tileLoadFunction: (tile, url) => this.fetchInto(tile as VectorTile<RenderFeature>, url),
    });
    this.refetch();
  }

  /** Ask for every tile again; the old picture stays until the new one is there. */
  refetch(): void {
    this.edition += 1;
    this.setUrl(`/tiles/${this.layer}/{z}/{x}/{y}.mvt?edition=${this.edition}`);
  }

  isCurrent(feature: FeatureLike): boolean {
    return editions.get(feature) === this.edition;
  }

  private fetchInto(tile: VectorTile<RenderFeature>, url: string): void {
    const edition = this.edition;
    tile.setLoader((extent, _resolution, projection) => {
      void fetchTile(url)
        .then((data) => {
          const format = tile.getFormat();
          const features = data ? format.readFeatures(data, { extent, featureProjection: projection }) : [];
          for (const feature of features) editions.set(feature, edition);
          tile.setFeatures(features as RenderFeature[]);
        })
        .catch(() => (tile as Tile).setState(TileState.ERROR));
    });
  }
}

/** Fetch one tile with the session's cookie; null where there is nothing to draw. */
async function fetchTile(url: string): Promise<ArrayBuffer | null> {
  let response: Response;
  try {
    // Without the edition the browser finds its own copy again, and the service says when that is still current.
    response = await fetch(url.split("?")[0]!, { credentials: "same-origin" });
  } catch (cause) {
    note(0);
    throw cause;
  }
  note(response.status);
  if (!response.ok) throw new Error(`tile ${url}: ${response.status}`);
  return response.status === 204 ? null : response.arrayBuffer();
}
