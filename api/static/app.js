// What makes the pages quicker to work with. Without it every page works all the same.
//
// Keys: an element with data-key="r" is clicked (a field is focused) when that key is pressed
// outside of fields. One switch, kept on this machine, turns off every key of a single letter
// (WCAG 2.1.4); Enter, Escape and the arrows stay.
// Text: what is typed in a form with data-keep="correct-0198…" is kept in this window, for this
// person, until a page says that it was accepted, so that a session that ends in the middle of it
// loses nothing. The name tells one record's form from another's. Passwords are never kept.
// Leaving: while an element with data-unsent="3" is on the page the browser asks first.
"use strict";

(() => {
  const KEYS_OFF = "chauban-keys-off";
  const KEPT = "chauban-kept:";
  const AT_HAND = "a[href], button, input, select, textarea, summary, [contenteditable]";

  /** Storage may be closed by a policy of the office: then nothing is remembered, nothing breaks. */
  const remembered = (storage) => {
    try {
      return window[storage];
    } catch {
      return null;
    }
  };
  const machine = remembered("localStorage");
  const session = remembered("sessionStorage");

  const keysAreOn = () => machine?.getItem(KEYS_OFF) !== "1";

  const isWriting = (element) =>
    element.isContentEditable ||
    element.matches("textarea, select, input:not([type=checkbox]):not([type=radio])");

  // ------------------------------------------------------------------ keys

  const isShown = (element) => element.getClientRects().length > 0;

  /** Goes to the next or the previous hit; the link in it has the focus. */
  const step = (by) => {
    const hits = [...document.querySelectorAll("[data-hit]")];
    if (hits.length === 0) return false;
    const at = hits.findIndex((hit) => hit.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : hits.length - 1) : at + by;
    const hit = hits[Math.min(Math.max(next, 0), hits.length - 1)];
    (hit.querySelector("h2 a, h3 a") ?? hit.querySelector("a[href]"))?.focus();
    hit.scrollIntoView({ block: "nearest" });
    return true;
  };

  const press = (element) => {
    if (isWriting(element)) {
      element.focus();
      element.select?.();
    } else {
      element.click();
    }
  };

  /** True when the key had something to do here. */
  const act = (key) => {
    const bound = [...document.querySelectorAll("[data-key]")].find(
      (element) => element.dataset.key === key && isShown(element) && !element.disabled,
    );
    if (bound) {
      press(bound);
      return true;
    }
    return (key === "j" && step(1)) || (key === "k" && step(-1));
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (isWriting(event.target)) return;
    // Enter and space belong to the link or button that has the focus.
    if ((event.key === "Enter" || event.key === " ") && event.target.closest(AT_HAND)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.length === 1 && !keysAreOn()) return;
    if (act(key)) event.preventDefault();
  });

  /** The switch stands in the help; keys that do not work are not shown as if they did. */
  const showKeys = () => {
    document.documentElement.classList.toggle("cb-keys-off", !keysAreOn());
    for (const box of document.querySelectorAll("[data-keys-switch]")) box.checked = keysAreOn();
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-keys-switch]")) return;
    if (event.target.checked) machine?.removeItem(KEYS_OFF);
    else machine?.setItem(KEYS_OFF, "1");
    showKeys();
  });

  // ------------------------------------------------------------------ text that was typed

  /** Who signs in next at this window does not see what somebody else typed. */
  const place = (form) => `${KEPT}${document.body.dataset.who}:${form.dataset.keep}`;
  const SENT = "chauban-sent";

  /** Fields that hold a person's words: no password, no file, no token. */
  const fieldsOf = (form) =>
    [...form.elements].filter(
      (field) =>
        field.name &&
        field.matches(
          "textarea, select, input:not([type=password]):not([type=file]):not([type=hidden])",
        ) &&
        field.autocomplete !== "one-time-code",
    );

  const isChoice = (field) => field.type === "checkbox" || field.type === "radio";

  const keep = (form) => {
    const typed = fieldsOf(form).map((field) => [
      field.name,
      isChoice(field) ? field.value : null,
      isChoice(field) ? field.checked : field.value,
    ]);
    try {
      session?.setItem(place(form), JSON.stringify(typed));
    } catch {
      // Full: the form still works, it is only not kept.
    }
  };

  /** Puts back what was typed, where the server did not send something newer. */
  const restore = (form) => {
    const kept = session?.getItem(place(form));
    if (!kept) return;
    let changed = false;
    for (const [name, choice, value] of JSON.parse(kept)) {
      const field = fieldsOf(form).find(
        (each) => each.name === name && (choice === null || each.value === choice),
      );
      if (!field) continue;
      const property = isChoice(field) ? "checked" : "value";
      if (field[property] === value) continue;
      field[property] = value;
      changed = true;
    }
    const notice = changed && document.querySelector("[data-kept-notice]");
    if (notice) notice.hidden = false;
  };

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (form) keep(form);
  });

  const drop = (names) => names.forEach((name) => session.removeItem(name));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!session) return;
    if (form.matches("[data-keep]")) session.setItem(SENT, place(form));
    // Who signs out leaves nothing at this machine.
    if (form.matches("[data-forget]")) {
      drop(Object.keys(session).filter((name) => name.startsWith(KEPT)));
    }
  });

  /** A form was accepted when the page after it says so; an error or a sign-in says nothing. */
  const letGo = () => {
    const sent = session?.getItem(SENT);
    if (sent && document.querySelector("[data-done]")) drop([sent, SENT]);
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-kept-drop]")) return;
    for (const form of document.querySelectorAll("form[data-keep]")) {
      drop([place(form)]);
      form.reset();
    }
    document.querySelector("[data-kept-notice]").hidden = true;
  });

  // ------------------------------------------------------------------ leaving

  window.addEventListener("beforeunload", (event) => {
    const waiting = [...document.querySelectorAll("[data-unsent]")];
    if (!waiting.some((element) => Number(element.dataset.unsent) > 0)) return;
    event.preventDefault();
    event.returnValue = ""; // Chrome 80 asks only when this is set.
  });

  // ------------------------------------------------------------------ pages and parts of pages

  /** Buttons that only a script can serve (printing) are in the page, but hidden until now. */
  const wire = (root) => {
    for (const element of root.querySelectorAll("[data-script]")) element.hidden = false;
    root.querySelectorAll("form[data-keep]").forEach(restore);
    // On a narrow screen the answer comes first; what folds is one press away.
    if (window.matchMedia("(max-width: 800px)").matches) {
      for (const fold of root.querySelectorAll("details.cb-fold")) fold.open = false;
    }
    showKeys();
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    letGo();
    wire(event.target);
  });

  document.documentElement.classList.add("cb-script");
  letGo();
  wire(document);
  document.querySelector("[data-error-summary]")?.focus();
})();
