/* A field for a key: <input data-key> holds what is pressed in it, as ctrl+shift+z. */
"use strict";

(() => {
  const MODIFIERS = new Set(["Control", "Alt", "Shift", "Meta", "Process", "Dead", "Unidentified"]);

  const keyOf = (event) => {
    const letter = event.code?.match(/^(?:Key|Digit)(.)$/)?.[1].toLowerCase();
    if (!event.ctrlKey && !event.altKey && !event.metaKey && event.key === "?") return "?";
    const key = letter ?? ({ " ": "space", "+": "plus" }[event.key] ?? event.key.toLowerCase());
    const held = [["ctrl", event.ctrlKey], ["alt", event.altKey], ["shift", event.shiftKey], ["meta", event.metaKey]];
    return [...held.filter(([, down]) => down).map(([name]) => name), key.replace(/^arrow/, "")].join("+");
  };

  for (const field of document.querySelectorAll("input[data-key]")) {
    field.addEventListener("keydown", (event) => {
      // Tab goes on; Backspace alone may be somebody's key, Ctrl+A is not typed into it.
      if (event.key === "Tab" || event.isComposing || MODIFIERS.has(event.key)) return;
      event.preventDefault();
      field.value = keyOf(event);
      field.removeAttribute("aria-invalid");
    });
  }
})();
