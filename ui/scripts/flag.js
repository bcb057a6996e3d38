/* Say what is wrong with the task that is open: [data-action=flag] opens <dialog data-flag>. */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const dialog = document.querySelector("[data-flag]");
  if (!main || !dialog) return;

  const form = dialog.querySelector("[data-flag-form]");
  const problem = dialog.querySelector("[data-flag-problem]");
  let about = null; // the task that was open when the form was opened

  const open = () => {
    about = window.JinbiaoWorkbench.task();
    if (!about) return;
    form.reset();
    problem.hidden = true;
    dialog.showModal();
    form.elements.kind.value = "undecidable";
    form.querySelector("[name=kind]").focus();
  };

  const report = async (event) => {
    event.preventDefault();
    const bench = window.JinbiaoWorkbench;
    const skip = form.elements.skip.checked;
    const body = { kind: form.elements.kind.value, text: form.elements.text.value.trim() };
    try {
      await bench.ask("POST", `/api/tasks/${about.id}/flags`, body);
    } catch (fault) {
      const detail = fault.status ? fault.message : dialog.dataset.offline;
      problem.textContent = dialog.dataset.failed.replace("%(detail)s", detail);
      problem.hidden = false;
      return;
    }
    dialog.close();
    bench.say(dialog.dataset.sent);
    // The workbench skips it as ever: it goes on to the next task that way.
    if (skip && bench.task()?.id === about.id) bench.act("skip");
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-action="flag"]')) open();
  });
  form.addEventListener("submit", report);
  // Ctrl+Enter reports from the text as well.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && !event.isComposing) form.requestSubmit();
  });
  // This comes a moment after: another dialog may have the keys by then.
  dialog.addEventListener("close", () => {
    if (!document.querySelector("dialog[open]")) window.JinbiaoWorkbench.focusEditor();
  });
})();
