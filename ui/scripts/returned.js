/* Tell the annotator why a task came back: fills [data-returned] when the workbench opens one. */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const box = main?.querySelector("[data-returned]");
  if (!box) return;

  main.addEventListener("jinbiao:opened", ({ detail: { task } }) => {
    const last = task.annotations?.at(-1);
    const reason = last?.reviews?.at(-1)?.reason;
    box.hidden = last?.state !== "rejected" || !reason;
    box.querySelector("[data-returned-reason]").textContent = reason ?? "";
  });
})();
