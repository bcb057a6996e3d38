/* The guideline beside the work: [data-action=guideline] opens and shuts it, Esc shuts it.
 *
 * <aside data-guideline="address of the panel" data-acknowledge data-latest data-must>, see
 * templates/tasks/guideline.html. The editor goes on as it is. Where the newest version must be
 * read before the next task, it opens by itself.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const panel = document.querySelector("[data-guideline]");
  if (!main || !panel) return;

  const find = (name) => panel.querySelector(`[data-${name}]`);
  const content = find("content");
  const search = find("search");
  let came = null; // what had the focus before
  let loaded = null; // the promise of the panel's content
  let plain = ""; // the text as it came, without marks

  const fill = (words, values) => words.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");

  const load = async () => {
    try {
      const response = await fetch(panel.dataset.guideline, { credentials: "same-origin" });
      if (!response.ok) throw new Error(String(response.status));
      content.innerHTML = await response.text();
      plain = content.querySelector("[data-searched]")?.innerHTML ?? "";
      const { version, known } = content.firstElementChild.dataset;
      offer(Number(version), Number(known));
    } catch (problem) {
      loaded = null;
      content.textContent = fill(panel.dataset.failed, { detail: problem.message });
    }
  };

  const offer = (version, known) => {
    panel.dataset.version = version;
    const isNew = version > known;
    find("ask").hidden = !isNew || main.dataset.mode === "review";
    for (const button of document.querySelectorAll('[data-action="guideline"]')) {
      button.toggleAttribute("data-new", isNew);
    }
    return isNew;
  };

  const open = async () => {
    came = document.activeElement;
    panel.hidden = false;
    loaded ??= load();
    await loaded;
    content.focus();
  };

  const shut = () => {
    panel.hidden = true;
    came?.focus?.();
  };

  const toggle = () => (panel.hidden ? open() : shut());

  /* Mark what is searched for; the first place is scrolled to. */
  const mark = () => {
    const text = content.querySelector("[data-searched]");
    if (!text) return;
    text.innerHTML = plain;
    const wanted = search.value.trim().toLowerCase();
    find("hits").textContent = "";
    if (!wanted) return;
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    let number = 0;
    for (const node of nodes) {
      let rest = node;
      for (let at; (at = rest.data.toLowerCase().indexOf(wanted)) >= 0; number += 1) {
        const hit = rest.splitText(at);
        rest = hit.splitText(wanted.length);
        const shown = document.createElement("mark");
        hit.replaceWith(shown);
        shown.append(hit);
      }
    }
    find("hits").textContent = fill(panel.dataset.found, { number });
    text.querySelector("mark")?.scrollIntoView({ block: "center" });
  };

  const acknowledge = async () => {
    const button = find("read");
    button.disabled = true;
    try {
      const version = Number(panel.dataset.version);
      await window.JinbiaoWorkbench.ask("POST", panel.dataset.acknowledge, { version });
      offer(version, version);
      shut();
      // Where no task could be opened before it was read, one can be now.
      if (!window.JinbiaoWorkbench.task()) main.querySelector('[data-action="next"]')?.click();
    } catch (problem) {
      find("hits").textContent = problem.message;
      if (problem.status === 412) {
        loaded = load(); // another version came meanwhile
      }
    }
    button.disabled = false;
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[data-action="guideline"]')) toggle();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
    event.stopPropagation(); // its keys are not the work's
  });
  find("shut").addEventListener("click", shut);
  find("read").addEventListener("click", acknowledge);
  search.addEventListener("input", mark);

  if (panel.dataset.latest && main.dataset.mode !== "review") {
    loaded = load().then(() => {
      const isNew = Number(panel.dataset.version) > Number(content.firstElementChild?.dataset.known ?? 0);
      if (isNew && "must" in panel.dataset) open();
    });
  }
})();
