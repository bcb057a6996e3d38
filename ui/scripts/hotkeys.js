/* The keys of the workbench, beside those of the editor: <script type="application/json" id="keys">
 * {keys: [{name, key, title}], …} of the server (datasets/hotkeys.py).
 *
 * Loaded before workbench.js: the editor takes its own ones from main.keymap when it is built.
 * [data-action=help] opens <dialog data-help>. Nothing fires while an input method is composing,
 * nor for what is typed into a field.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const told = document.getElementById("keys");
  if (!main || !told) return;

  const { keys } = JSON.parse(told.textContent);
  const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
  const help = document.querySelector("[data-help]");
  const bound = new Map(keys.map(({ name, key }) => [key, name]));
  const bench = () => window.JinbiaoWorkbench;

  main.keymap = Object.fromEntries(keys.filter(({ name }) => !name.startsWith("workbench:")).map(({ name, key }) => (
    [name, { key, mac: key.replace("ctrl", "command") }]
  )));

  const keyOf = (event) => {
    if (!event.ctrlKey && !event.altKey && !event.metaKey && (event.key === "?" || event.key === "？")) return "?";
    const letter = event.code?.match(/^(?:Key|Digit)(.)$/)?.[1].toLowerCase();
    const key = letter ?? ({ " ": "space", "+": "plus" }[event.key] ?? event.key.toLowerCase()).replace(/^arrow/, "");
    const ctrl = event.ctrlKey || (MAC && event.metaKey);
    const held = [["ctrl", ctrl], ["alt", event.altKey], ["shift", event.shiftKey], ["meta", event.metaKey && !MAC]];
    return [...held.filter(([, down]) => down).map(([name]) => name), key].join("+");
  };

  const isComposing = (event) => event.isComposing || event.keyCode === 229 || bench()?.isComposing();

  const isField = ({ target }) => Boolean(target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]"));

  const ACTS = {
    accept: () => bench().act("accept"),
    reject: () => bench().act("reject"),
    fix: () => bench().act("fix"),
    next: () => bench().act("next"),
    reveal: () => bench().act("reveal"),
    help: () => showHelp(),
  };
  const REVIEW = new Set(["accept", "reject", "fix"]);

  const showHelp = () => {
    if (!help) return;
    if (help.open) help.close();
    else help.showModal();
  };

  /* Do what a key of the workbench says; tell whether there was something to do. */
  const act = (name) => {
    const action = name.slice("workbench:".length);
    if (REVIEW.has(action) !== (main.dataset.mode === "review") && REVIEW.has(action)) return false;
    if (action === "reveal" && !bench().isHidden()) return false;
    main.dispatchEvent(new CustomEvent("jinbiao:key", { detail: { action } }));
    if (ACTS[action]) ACTS[action]();
    else document.querySelector(`[data-action="${action}"], [data-shows="${action}"]`)?.click();
    return true;
  };

  const pressed = (event, inside) => {
    if (isComposing(event) || !bench()) return;
    const name = bound.get(keyOf(event));
    if (!name) return;
    const bare = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (isField(event) && (bare || !inside || MAC)) return;
    if (document.querySelector("dialog[open]") && name !== "workbench:help") return;
    let done = false;
    if (name.startsWith("workbench:")) done = act(name);
    // In its own frame the editor does this itself.
    else if (!inside && name === "annotation:submit") { bench().act("submit"); done = true; }
    else if (!inside && name === "annotation:skip") { bench().act("skip"); done = true; }
    if (!done) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  const cap = (key) => key.split("+").map((part) => part[0].toUpperCase() + part.slice(1)).join("+");

  /* Buttons say the key that this person has. */
  for (const { name, key, title } of keys) {
    for (const button of document.querySelectorAll(`[data-action="${name.split(":")[1]}"]`)) {
      button.setAttribute("aria-keyshortcuts", cap(key));
      const shown = button.querySelector("kbd");
      if (shown) shown.textContent = cap(key);
      else button.title = `${button.title.replace(/ \(.*\)$/, "") || title} (${cap(key)})`;
    }
  }

  main.addEventListener("jinbiao:frame", ({ detail }) => {
    detail.window.addEventListener("keydown", (event) => pressed(event, true), true);
  });
  window.addEventListener("keydown", (event) => pressed(event, false), true);
  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-action="help"]')) showHelp();
    if (event.target === help || event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  });
  // This comes a moment after: another dialog may have the keys by then.
  help?.addEventListener("close", () => {
    if (!document.querySelector("dialog[open]")) bench()?.focusEditor();
  });
})();
