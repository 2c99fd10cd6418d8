// Passages: the reader's zone for times of a search, and the button of a correction.
"use strict";
(() => {
  const begin = () => {
    for (const one of document.querySelectorAll("input[data-zone]")) one.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    for (const input of document.querySelectorAll("input[data-read]")) {
      const button = input.form.querySelector("button");
      const told = () => { button.textContent = input.value.trim().toUpperCase() === input.dataset.read ? input.dataset.confirmText : input.dataset.saveText; };
      input.addEventListener("input", told);
      told();
    }
  };
  document.addEventListener("DOMContentLoaded", begin);
  // Empty fields are left out of the address.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches || !event.target.matches("form.search")) return;
    const given = event.detail.parameters;
    for (const [key, value] of [...Object.entries(given)]) if (value === "" || (key === "how" && value === "pattern")) delete given[key];
  });
})();
