// Draws the layers of a page from its data blocks: `data-LAYER` in, Leaflet layers, labels and popups out.
// All text goes through textContent, never innerHTML: a name is data, whatever it looks like.
"use strict";

const LABEL_PANE = "labels";
const LABEL_ORDER = ["communities", "grids", "streets"];
// A single footprint fills the screen here.
const CLOSEST_ZOOM = 20;
// Below this zoom a town is so small that its discs must shrink too.
const FAR_ZOOM = 14.5;
const LABEL_GAP_PX = 3;
const MICRO = 1e6;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = String(text);
  return made;
}

/** The popup: what it is, its title, and a row for every fact that is known. */
function factsTable(heading, drawing, properties) {
  const box = element("div", "facts");
  box.append(element("p", "facts-layer", heading), element("h3", "", properties[drawing.title] ?? drawing.unnamed));
  const table = element("table");
  for (const [key, label] of drawing.facts) {
    if (properties[key] === undefined) continue;
    const row = element("tr");
    row.append(element("th", "", label), element("td", "", properties[key]));
    table.append(row);
  }
  box.append(table);
  return box;
}

/** A disc with the letter of the state: colour alone would not be legible to everyone. */
function letterMarker(drawing, pane, properties, at) {
  const [letter, disc, ink, isOpen] = drawing.states[properties.state] ?? drawing.states[""];
  const mark = element("span", "disc", letter);
  mark.style.background = disc;
  mark.style.color = ink;
  const icon = L.divIcon({ className: isOpen ? "incident" : "incident done", html: mark, iconSize: [20, 20] });
  return L.marker(at, { icon, pane, title: properties[drawing.title] ?? "", zIndexOffset: isOpen ? 1000 : 0 });
}

/** A name written on the map, turned along its street when it has an angle. */
function labelMarker(className, [text, longitude, latitude, angle]) {
  const words = element("span", "", text);
  if (angle) words.style.rotate = `${angle}deg`;
  const icon = L.divIcon({ className: `label ${className}`, html: words, iconSize: [0, 0] });
  return L.marker([latitude, longitude], { icon, pane: LABEL_PANE, interactive: false, keyboard: false });
}

/** A path of points from its first point and the steps between them, in micro-degrees. */
function unfold(steps) {
  const points = [];
  let [x, y] = [0, 0];
  for (let at = 0; at < steps.length; at += 2) {
    x += steps[at];
    y += steps[at + 1];
    points.push([x / MICRO, y / MICRO]);
  }
  return points;
}

const GEOMETRIES = [
  (parts) => ({ type: "MultiPoint", coordinates: parts.flatMap(unfold) }),
  (parts) => ({ type: "MultiLineString", coordinates: parts.map(unfold) }),
  (parts) => ({ type: "MultiPolygon", coordinates: parts.map((rings) => rings.map(unfold)) }),
];

/** GeoJSON features from rows of [folded geometry, value…]; a value that is null is a fact nobody knows. */
function readFeatures({ columns, rows }) {
  return rows.map(([[dimension, ...parts], ...values]) => ({
    type: "Feature",
    geometry: GEOMETRIES[dimension](parts),
    properties: Object.fromEntries(columns.map((key, at) => [key, values[at]]).filter(([, value]) => value !== null)),
  }));
}

function drawLayer(map, layer) {
  const { heading, drawing, data } = JSON.parse(document.getElementById(`data-${layer}`).textContent);
  map.createPane(layer).style.zIndex = drawing.pane;
  // Over the shapes and under the discs: a half hidden name can still be read, a hidden incident is missed.
  if (!map.getPane(LABEL_PANE)) map.createPane(LABEL_PANE).style.cssText = "z-index: 600; pointer-events: none";
  const labels = [];
  const shapes = L.geoJSON(readFeatures(data), {
    pane: layer,
    style: ({ properties: { fill, weight } }) => ({
      ...drawing.style,
      ...(fill && { fillColor: fill }),
      ...(weight && { weight }),
    }),
    pointToLayer: ({ properties }, at) => letterMarker(drawing, layer, properties, at),
    onEachFeature: ({ properties }, shape) => {
      shape.bindPopup(() => factsTable(heading, drawing, properties));
      // Markers have the browser's own hint, and a labelled shape needs none.
      if (shape.setStyle && !properties.label && properties[drawing.title]) {
        shape.bindTooltip(() => element("span", "", properties[drawing.title]), { sticky: true });
      }
      if (properties.label) labels.push(labelMarker(drawing.label_class, properties.label));
    },
  });
  return L.featureGroup([shapes, ...labels]);
}

/** Hide each label that would cover one before it; areas come before streets, large areas before small. */
function thinLabels(map) {
  const kept = [];
  const labels = LABEL_ORDER.flatMap((layer) => [...map.getContainer().querySelectorAll(`.${layer}-label span`)]);
  for (const label of labels) {
    const box = label.getBoundingClientRect();
    const covers = (other) =>
      box.left < other.right + LABEL_GAP_PX && other.left < box.right + LABEL_GAP_PX &&
      box.top < other.bottom + LABEL_GAP_PX && other.top < box.bottom + LABEL_GAP_PX;
    const hidden = kept.some(covers);
    label.style.visibility = hidden ? "hidden" : "";
    if (!hidden) kept.push(box);
  }
}

/** Scale, north arrow, and labels that stay legible at every zoom and on paper. */
function finishPage(map) {
  map.setMaxZoom(CLOSEST_ZOOM);
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
  const north = L.control({ position: "bottomleft" });
  north.onAdd = () => document.querySelector("svg.north");
  north.addTo(map);
  const settle = () => {
    map.getContainer().classList.toggle("far", map.getZoom() < FAR_ZOOM);
    thinLabels(map);
  };
  map.on("zoomend overlayadd overlayremove resize", settle);
  settle();
  // Paper has another size than the screen: keep what was in sight in sight.
  const refit = () => {
    const inSight = map.getBounds();
    map.invalidateSize({ animate: false });
    map.fitBounds(inSight, { animate: false });
  };
  matchMedia("print").addEventListener("change", refit);
}
