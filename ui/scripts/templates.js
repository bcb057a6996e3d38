/* Put the chosen template's configuration into the textarea of the form. */
"use strict";

(() => {
  const form = document.querySelector("form[data-templates]");
  if (!form) return;
  const configs = JSON.parse(document.getElementById("templates").textContent);
  const area = form.elements.label_config;
  let filled = area.value;

  form.addEventListener("change", ({ target }) => {
    if (target.name !== "template") return;
    const untouched = area.value.trim() === "" || area.value === filled;
    if (!untouched && !confirm(form.dataset.templates)) return;
    area.value = filled = configs[target.value];
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
