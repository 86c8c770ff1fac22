// Looking at a record without loading its page again: the next place and the size of the picture.
// Every link here works without this file; it only spares the reload and keeps the position.
"use strict";

(() => {
  const viewer = document.querySelector("[data-viewer]");
  if (!viewer) return;
  const picture = viewer.querySelector(".cb-page");
  const sizes = ["", ...picture.dataset.sizes.split(" ")];

  // ------------------------------------------------------------------ places

  const show = (place, behavior) =>
    place.scrollIntoView({ block: "center", inline: "center", behavior });

  // The picture may come after the page: then the place is somewhere else.
  const here = viewer.querySelector("#hit");
  const image = viewer.querySelector("img");
  if (here && window.location.hash === "#hit") {
    show(here, "auto");
    image?.addEventListener("load", () => show(here, "auto"), { once: true });
  }

  // ------------------------------------------------------------------ size

  const sizeNow = () => Math.max(sizes.findIndex((size) => size && picture.classList.contains(size)), 0);

  /** Keeps the middle of what is seen in the middle. */
  const resize = (size) => {
    const middle = (picture.scrollLeft + picture.clientWidth / 2) / picture.scrollWidth;
    for (const each of sizes) if (each) picture.classList.toggle(each, each === sizes[size]);
    picture.scrollLeft = middle * picture.scrollWidth - picture.clientWidth / 2;
  };

  viewer.addEventListener("click", (event) => {
    const link = event.target.closest("[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const by = Number(link.dataset.zoom);
    const size = by === 0 ? 0 : sizeNow() + by;
    if (!sizes[size] && size !== 0) return;
    event.preventDefault();
    resize(size);
  });
})();
