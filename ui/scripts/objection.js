/* Object to a return: [data-objection], a <form> with a field named "reason", is shown while a
 * returned task is open; what is sent there is arbitrated, and the next task comes. */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const form = main?.querySelector("[data-objection]");
  if (!form) return;
  let annotation = null;

  main.addEventListener("jinbiao:opened", ({ detail }) => {
    const last = detail.task?.annotations?.at(-1);
    annotation = last?.state === "rejected" && last.reviews?.at(-1)?.stage !== 3 ? last.id : null;
    form.hidden = annotation === null;
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reason = form.elements.reason.value.trim();
    if (!reason || annotation === null) return;
    try {
      await window.JinbiaoWorkbench.ask("POST", `/api/annotations/${annotation}/objections`, { reason });
    } catch (problem) {
      window.JinbiaoWorkbench.say(problem.message);
      return;
    }
    form.hidden = true;
    form.reset();
    window.JinbiaoWorkbench.act("next");
  });
})();
