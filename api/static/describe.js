// Describing by keyboard: Enter goes to the next field and saves in the last one; Escape leaves
// the field, so that the keys of one letter work. Without this Enter saves from every field.
"use strict";

(() => {
  const form = document.querySelector("[data-describe]");
  if (!form) return;

  const fields = [...form.querySelectorAll("input[type=text]")].filter(
    (field) => field.name !== "reason",
  );

  form.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      document.activeElement.blur();
      return;
    }
    const at = fields.indexOf(event.target);
    if (event.key !== "Enter" || at < 0 || at === fields.length - 1) return;
    event.preventDefault();
    fields[at + 1].focus();
    fields[at + 1].select();
  });

  // A page that tells what is wrong has put the focus there.
  if (!document.querySelector("[data-error-summary]")) fields[0].focus();
})();
