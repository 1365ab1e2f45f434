// Lays the places of the list out on tiles with Leaflet; without it the server's drawing stays.
(() => {
  "use strict";
  const frame = document.querySelector("[data-map]");
  const places = [...document.querySelectorAll("[data-place]")];
  if (!frame || !window.L || !places.length) return;
  const drawing = frame.querySelector(".map-plot");
  const holder = document.createElement("div");
  holder.className = "map-tiles";
  holder.setAttribute("role", "region");
  holder.setAttribute("aria-label", drawing.getAttribute("aria-label"));
  drawing.replaceWith(holder);
  const map = L.map(holder);
  map.attributionControl.setPrefix("Leaflet");
  const credit = document.createElement("span");
  credit.textContent = frame.dataset.credit;
  L.tileLayer(frame.dataset.tiles, { maxZoom: 19, attribution: credit.innerHTML }).addTo(map);

  // The pin has the icon of the place's first chip, which has the colour and the word of its state.
  const pin = (place) => {
    const shape = document.createElement("span");
    shape.className = `map-pin pin-${place.dataset.kind}`;
    shape.append(place.querySelector(".chip svg").cloneNode(true));
    return L.divIcon({ className: "", html: shape, iconSize: [34, 34], popupAnchor: [0, -16] });
  };
  const popup = (place) => {
    const shown = document.createElement("div");
    shown.className = "map-popup";
    shown.append(...[...place.childNodes].map((part) => part.cloneNode(true)));
    return shown;
  };
  const spots = places.map((place) => {
    const spot = [Number(place.dataset.latitude), Number(place.dataset.longitude)];
    const name = place.dataset.name;
    L.marker(spot, { icon: pin(place), alt: name, title: name }).bindPopup(popup(place)).addTo(map);
    return spot;
  });
  map.fitBounds(spots, { padding: [40, 40], maxZoom: 15 });
})();
