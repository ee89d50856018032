/* Draws the features of the page and keeps the link "in this view" at the box of the map. */
(() => {
  const box = document.getElementById("map");
  const found = JSON.parse(document.getElementById("features").textContent);
  const map = L.map(box, { attributionControl: false, preferCanvas: true, zoomSnap: 0.25 });
  const labels = JSON.parse(box.dataset.labels);
  const style = { color: "#1d5fa8", weight: 1.5, fillOpacity: 0.2 };
  const said = (feature) => {
    const table = document.createElement("table");
    for (const [name, value] of Object.entries(feature.properties)) {
      if (value === null) continue;
      const row = table.insertRow();
      row.insertCell().textContent = labels[name] ?? name;
      row.insertCell().textContent = String(value);
    }
    return table;
  };
  const layer = L.geoJSON(found, {
    style,
    pointToLayer: (_, place) => L.circleMarker(place, { ...style, radius: 6 }),
    onEachFeature: (feature, shape) => shape.bindPopup(() => said(feature)),
  }).addTo(map);
  const bounds = layer.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.05), { maxZoom: 18 });
  else map.setView([0, 0], 1);
  const link = document.getElementById("in-view");
  const follow = () => {
    const seen = map.getBounds();
    const clip = (value, most) => Math.max(-most, Math.min(most, value)).toFixed(7);
    const corners = [[seen.getWest(), 180], [seen.getSouth(), 90], [seen.getEast(), 180], [seen.getNorth(), 90]];
    const address = new URL(link.href);
    address.searchParams.set("f", "html");
    address.searchParams.set("bbox", corners.map(([value, most]) => clip(value, most)).join(","));
    link.href = address.href;
  };
  map.on("moveend", follow);
  follow();
  box.dataset.drawn = String(found.features.length);
})();
