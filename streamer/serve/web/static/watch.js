// Lists of plates: the entry whose form is open stays the only one.
"use strict";
document.addEventListener("toggle", (event) => {
  const one = event.target;
  if (!one.matches || !one.matches("details.entry") || !one.open) return;
  for (const other of document.querySelectorAll("details.entry[open]")) if (other !== one) other.open = false;
  const field = one.querySelector("input[name=plate]");
  if (field) field.focus();
}, true);
