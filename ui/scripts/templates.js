/* Find a template in the gallery, and put its configuration into the textarea of the form. */
"use strict";

(() => {
  const form = document.querySelector("form[data-templates]");
  if (!form) return;
  const templates = JSON.parse(document.getElementById("templates").textContent);
  const area = form.elements.label_config;
  const search = form.elements.template_search;
  let filled = area.value;

  form.addEventListener("change", ({ target }) => {
    if (target.name !== "template") return;
    const untouched = area.value.trim() === "" || area.value === filled;
    if (!untouched && !confirm(form.dataset.templates)) return;
    area.value = filled = templates[target.value].config;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });

  /* Show the templates that have every word; a group without any is left out. */
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const group of form.querySelectorAll(".gallery-group")) {
      let shown = 0;
      for (const card of group.querySelectorAll("[data-words]")) {
        card.hidden = !words.every((word) => card.dataset.words.includes(word));
        shown += card.hidden ? 0 : 1;
      }
      group.hidden = shown === 0;
      left += shown;
    }
    form.querySelector("[data-none]").hidden = left > 0;
  };
  search.hidden = false;
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) event.preventDefault();
  });
})();
