// The auditor's pages: the slider goes to its moment by itself, a running check shows how far it is.
// Without this file the slider has a button, and the check's page asks again by itself.
"use strict";

(() => {
  const PAUSE_MS = 700; // Arrow keys move in small steps; the page waits until they rest.
  const POLL_MS = 1000;

  for (const form of document.querySelectorAll("form[data-slider]")) {
    const slider = form.querySelector("input[type=range]");
    const output = form.querySelector("output");
    let timer = 0;
    form.querySelector("button").hidden = true;
    slider.addEventListener("input", () => {
      output.textContent = slider.dataset.of.replace("#", slider.value);
      slider.setAttribute("aria-valuetext", output.textContent);
      clearTimeout(timer);
    });
    slider.addEventListener("change", () => {
      clearTimeout(timer);
      timer = setTimeout(() => form.submit(), PAUSE_MS);
    });
  }

  const place = document.querySelector("[data-check]");
  if (!place || place.querySelector("[data-ended]")) return;
  let source = null;

  /** Puts the part in its place; true when nothing more will come. */
  const show = (text) => {
    const part = new DOMParser().parseFromString(text, "text/html").body;
    place.textContent = "";
    place.append(...part.childNodes);
    return place.querySelector("[data-ended]") !== null;
  };

  const ask = async () => {
    try {
      const answer = await fetch(`${place.dataset.check}/state`, { credentials: "same-origin" });
      if (answer.redirected || !answer.ok) return window.location.reload();
      if (show(await answer.text())) return undefined;
    } catch {
      // The server may be on its way back.
    }
    return setTimeout(ask, POLL_MS);
  };

  if (!window.EventSource) {
    ask();
    return;
  }
  source = new EventSource(`${place.dataset.check}/events`);
  source.onmessage = (event) => {
    if (show(event.data)) source.close();
  };
  source.onerror = () => {
    source.close();
    setTimeout(ask, POLL_MS);
  };
  window.addEventListener("pagehide", () => source.close());
})();
