/* Tell the annotator why a task came back: fills [data-returned] when the workbench opens one. */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const box = main?.querySelector("[data-returned]");
  if (!box) return;

  const show = async () => {
    const { task } = main.dataset;
    box.hidden = true;
    if (!task) return;
    const response = await fetch(`/api/tasks/${task}/workbench`, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { annotations } = await response.json();
    const last = annotations.at(-1);
    const review = last?.reviews?.at(-1);
    if (main.dataset.task !== task || last?.state !== "rejected" || !review?.reason) return;
    box.querySelector("[data-returned-reason]").textContent = review.reason;
    box.hidden = false;
  };

  new MutationObserver(show).observe(main, { attributeFilter: ["data-task"] });
  show();
})();
