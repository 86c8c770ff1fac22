// Comparing with the paper: turns and moves are gathered on the screen and sent as one event.
// Without this each of them is a form of its own.
"use strict";

(() => {
  const screen = document.querySelector("[data-confirm]");
  const form = document.querySelector("[data-arrange]");
  if (!screen || !form) return;

  // A field of what just unfolded is at hand at once.
  for (const fold of screen.querySelectorAll("details.cb-do")) {
    fold.addEventListener("toggle", () => {
      if (fold.open) fold.querySelector("input:not([type=hidden])")?.focus();
    });
  }

  const pages = Number(screen.dataset.pages);
  const strip = screen.querySelector(".cb-strip");
  const picture = screen.querySelector("[data-picture]");
  if (!pages || !picture) return;

  const TURNS = { right: 90, over: 180, left: 270 };
  const CLASSES = ["cb-turn-90", "cb-turn-180", "cb-turn-270"];
  const order = Array.from({ length: pages }, (_, at) => at + 1);
  const turned = new Map();
  /** The page in sight by the number that the archive knows it by, wherever it stands now. */
  let here = Number(screen.dataset.page);

  const thumbOf = (page) => strip.querySelector(`[data-thumb="${page}"]`);
  const changes = () => {
    const moved = order.filter((page, at) => page !== at + 1).length;
    return moved + [...turned.values()].filter((degrees) => degrees).length;
  };

  const turn = (image, degrees) => {
    image.classList.remove(...CLASSES);
    if (degrees) image.classList.add(`cb-turn-${degrees}`);
  };

  const show = () => {
    const at = order.indexOf(here);
    const address = `/records/${screen.dataset.record}/pages/${here}/picture?w=900`;
    if (picture.getAttribute("src") !== address) picture.setAttribute("src", address);
    const thumb = thumbOf(here);
    if (thumb) picture.alt = thumb.querySelector("img").alt;
    turn(picture, turned.get(here) ?? 0);
    for (const each of strip.querySelectorAll("[data-thumb]")) {
      const page = Number(each.dataset.thumb);
      const link = each.querySelector("a");
      if (page === here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      turn(each.querySelector("img"), turned.get(page) ?? 0);
      each.querySelector(".n").textContent = order.indexOf(page) + 1;
    }
    thumb?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const place = screen.querySelector("[data-place]");
    place.textContent = place.textContent.replace(/\d+/, at + 1);
    for (const button of screen.querySelectorAll("[data-here]")) {
      const edge = { earlier: 0, later: pages - 1 }[button.dataset.here];
      button.disabled = at === edge;
    }
    for (const field of document.querySelectorAll("[data-page][name]")) field.value = at + 1;

    const unsaved = changes();
    form.hidden = !unsaved;
    form.dataset.unsent = unsaved;
    screen.querySelector("[data-deeds]").hidden = unsaved > 0;
    screen.querySelector("[data-split]").disabled = unsaved > 0 || at === 0;
    form.querySelector("[data-order]").value = order.join(",");
    form.querySelector("[data-turned]").value = order.map((n) => turned.get(n) ?? 0).join(",");
    const said = form.querySelector("[data-unsaved]");
    said.textContent = unsaved ? said.dataset.unsaved : "";
    // The page must not load itself anew over what is not saved.
    if (unsaved) document.querySelector("#reading")?.remove();
  };

  const step = (deed, page) => {
    if (deed in TURNS) {
      turned.set(page, ((turned.get(page) ?? 0) + TURNS[deed]) % 360);
    } else {
      const at = order.indexOf(page);
      const to = at + (deed === "earlier" ? -1 : 1);
      if (to < 0 || to >= pages) return;
      const [thumb, other] = [thumbOf(page), thumbOf(order[to])];
      if (thumb && other) {
        if (deed === "earlier") other.before(thumb);
        else other.after(thumb);
      }
      order[at] = order[to];
      order[to] = page;
    }
    here = page;
    show();
  };

  screen.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = event.target.closest("button[name=do]");
    const link = event.target.closest(".cb-strip a, [data-go]");
    if (button) {
      const [deed, page] = button.value.split("-");
      step(deed, button.dataset.here ? here : Number(page));
      // After a press of the mouse Enter saves, as the keys below say; it does not turn again.
      if (event.detail) button.blur();
    } else if (link?.dataset.go) {
      const at = order.indexOf(here) + Number(link.dataset.go);
      here = order[Math.min(Math.max(at, 0), pages - 1)];
      show();
    } else if (link) {
      here = Number(link.closest("[data-thumb]").dataset.thumb);
      show();
    } else {
      return;
    }
    event.preventDefault();
  });

  const leave = () => {
    form.dataset.unsent = 0;
  };
  form.addEventListener("submit", leave);
  form.querySelector("[data-forget-steps]").addEventListener("click", leave);
})();
