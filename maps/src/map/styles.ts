/** A feature of a tile layer and the scale come in; how it is drawn goes out. */
import type { FeatureLike } from "ol/Feature";
import Circle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Icon from "ol/style/Icon";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style, { type StyleFunction } from "ol/style/Style";
import Text from "ol/style/Text";

import { language, type Language } from "../language";
import { assetColour, lookOf } from "./states";
import { disc, font, SHARPNESS } from "./symbols";
import { tint } from "./tint";

export const outline = { communities: "#233a5e", grids: "#5b7ba1", routes: "#8a2a6b", selection: "#b3261e" };
const halo = new Stroke({ color: "rgba(255,255,255,0.9)", width: 3 });

/** Metres per pixel at zoom 0 of EPSG:3857 with 256 px tiles. */
const zoomOf = (resolution: number): number => Math.log2(156543.03392804097 / resolution);

/** Make each distinct style once: thousands of features share a handful. */
function remembered<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    let style = made.get(key);
    if (style === undefined) made.set(key, (style = make(key)));
    return style;
  };
}

const gridFill = remembered((colour) => new Style({ fill: new Fill({ color: colour }) }));
export const gridGround: StyleFunction = (feature) => gridFill(tint(feature.get("open_incidents")));

const gridLine = new Style({ stroke: new Stroke({ color: outline.grids, width: 1.25 }) });
export const gridBorder: StyleFunction = () => gridLine;

const communityLine = new Style({ stroke: new Stroke({ color: outline.communities, width: 3, lineJoin: "round" }) });
export const community: StyleFunction = () => communityLine;

const buildingShape = new Style({
  fill: new Fill({ color: "rgba(190,180,164,0.62)" }),
  stroke: new Stroke({ color: "rgba(134,124,108,0.75)", width: 0.75 }),
});
export const building: StyleFunction = () => buildingShape;

/** Width in pixels at zoom 16, and the zoom from which a street's name is written. */
const streetKinds: Record<string, { width: number; nameFrom: number }> = {
  motorway: { width: 9, nameFrom: 13 },
  trunk: { width: 9, nameFrom: 13 },
  primary: { width: 8, nameFrom: 14 },
  secondary: { width: 7, nameFrom: 14.5 },
  tertiary: { width: 5.5, nameFrom: 15 },
  residential: { width: 4, nameFrom: 16 },
  unclassified: { width: 4, nameFrom: 16 },
  living_street: { width: 3.5, nameFrom: 16 },
  pedestrian: { width: 3.5, nameFrom: 16 },
  service: { width: 2.2, nameFrom: 17 },
};
const path = { width: 1.2, nameFrom: 17 };

export const street: StyleFunction = (feature, resolution) => {
  const kind = String(feature.get("kind") ?? "").replace(/_link$/, "");
  const zoom = Math.round(zoomOf(resolution) * 2) / 2;
  const rule = streetKinds[kind] ?? path;
  // Small ways vanish on a small scale, or they would bury the grids.
  if (rule.width < 5 && zoom < 14) return undefined;
  if (rule.width < 3 && zoom < 15) return undefined;
  const drawn = rule === path ? footway : carriageway(`${rule.width}/${zoom}`);
  const name = feature.get("name");
  return name && zoom >= rule.nameFrom ? [...drawn, streetName(String(name))] : drawn;
};
const carriageway = remembered((key) => {
  const [width, zoom] = key.split("/").map(Number) as [number, number];
  const scaled = Math.max(1, width * 2 ** ((zoom - 16) * 0.7));
  return [
    new Style({ zIndex: 0, stroke: new Stroke({ color: "#c9bda6", width: scaled + 1.5, lineCap: "round" }) }),
    new Style({ zIndex: width, stroke: new Stroke({ color: "#fffdf8", width: scaled, lineCap: "round" }) }),
  ];
});
const footway = [new Style({ stroke: new Stroke({ color: "#b9a98c", width: 1.1, lineDash: [4, 3] }) })];
const streetName = remembered(
  (text) =>
    new Style({
      zIndex: 20,
      text: new Text({
        text,
        font: font(12),
        placement: "line",
        repeat: 420,
        maxAngle: Math.PI / 5,
        fill: new Fill({ color: "#6a5c41" }),
        stroke: halo,
      }),
    }),
);

const routeLine = [
  new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.85)", width: 5 }) }),
  new Style({ stroke: new Stroke({ color: outline.routes, width: 2.5, lineDash: [9, 6] }) }),
];
// From afar the routes of all grids together would be a web over the map.
const routeFromAfar = new Style({ stroke: new Stroke({ color: "rgba(138,42,107,0.7)", width: 1.4, lineDash: [6, 4] }) });
export const route: StyleFunction = (_feature, resolution) => (zoomOf(resolution) < 15.5 ? routeFromAfar : routeLine);

const assetMark = remembered(
  (colour) =>
    new Style({
      image: new RegularShape({
        points: 4,
        angle: Math.PI / 4,
        radius: 5.5,
        fill: new Fill({ color: colour }),
        stroke: new Stroke({ color: "#ffffff", width: 1.2 }),
      }),
    }),
);
export const asset: StyleFunction = (feature) => assetMark(assetColour(String(feature.get("state"))));

const incidentMark = remembered((key) => {
  const [state, tongue, scale] = key.split("/") as [string, Language, string];
  const look = lookOf(state);
  return new Style({
    zIndex: look.ended ? 0 : 1,
    image: new Icon({ img: disc(look, tongue), scale: Number(scale) / SHARPNESS }),
  });
});
export const incident: StyleFunction = (feature, resolution) => {
  const status = String(feature.get("status"));
  const zoom = zoomOf(resolution);
  const scale = zoom < 13.5 ? 0.7 : zoom < 15 ? 0.85 : 1;
  // Most incidents of a town have ended; at full size they would hide the few that wait.
  const share = lookOf(status).ended && zoom < 17 ? 0.6 : 1;
  return incidentMark(`${status}/${language.value}/${scale * share}`);
};

/** Mark the place of a report that is being written: a ring with cross hairs, over which the place stays visible. */
const ring = (color: string, width: number) => new Circle({ radius: 13, stroke: new Stroke({ color, width }) });
const hairs = (color: string, width: number) =>
  new RegularShape({ points: 4, radius: 22, radius2: 0, stroke: new Stroke({ color, width }) });
export const pin: Style[] = [
  new Style({ image: ring("#ffffff", 7) }),
  new Style({ image: hairs("#ffffff", 4) }),
  new Style({ image: hairs(outline.selection, 1.5) }),
  new Style({ image: ring(outline.selection, 3.5) }),
];

/** Draw what is selected: filled areas keep their ground visible, points get a ring. */
export const selected: Style[] = [
  new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.9)", width: 6 }) }),
  new Style({
    stroke: new Stroke({ color: outline.selection, width: 3 }),
    fill: new Fill({ color: "rgba(179,38,30,0.08)" }),
    image: new Circle({
      radius: 17,
      stroke: new Stroke({ color: outline.selection, width: 3 }),
      fill: new Fill({ color: "rgba(255,255,255,0.65)" }),
    }),
  }),
];

/** Communities come before grids and grids before buildings, where not all names find room. */
const names: Record<string, { zIndex: number; font: string; colour: string }> = {
  communities: { zIndex: 3, font: font(15, 700), colour: outline.communities },
  grids: { zIndex: 2, font: font(13, 600), colour: "#27405f" },
  buildings: { zIndex: 1, font: font(11), colour: "#5d5547" },
};
const nameOnMap = remembered((key) => {
  const [layer, ...name] = key.split("/") as [string, ...string[]];
  const rule = names[layer]!;
  return new Style({
    zIndex: rule.zIndex,
    text: new Text({
      text: name.join("/"),
      font: rule.font,
      fill: new Fill({ color: rule.colour }),
      stroke: halo,
      padding: [2, 4, 2, 4],
    }),
  });
});
export const areaName = (feature: FeatureLike): Style => nameOnMap(`${feature.get("layer")}/${feature.get("name")}`);
