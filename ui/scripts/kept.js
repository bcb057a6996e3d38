/* What the server does not have yet: window.JinbiaoKept(bench) gives the workbench
 *
 *   writeCopy(unsaved)     keep the labels of the task that is shown on this device
 *   unsavedCopy(newest)    the copy of it that counts more than its newest draft, or null
 *   download(id)           hand out the work on a task as a file
 *   showKept()             list answers on their way, refused ones, and work left behind
 */
"use strict";

window.JinbiaoKept = (bench) => {
  const LATE = 2000; // ms after which an answer that is on its way is worth a line
  const { state, project, user, WORDS, find, words, clock, copies, outbox, time } = bench;
  let listing = 0; // the timer of the list

  const writeCopy = (unsaved) => copies.write(state.task.id, {
    result: state.latest, at: Date.now(), lead: time.seconds(), revision: state.draft?.revision ?? null, unsaved, seesPrediction: state.seesPrediction,
  });

  /* The copy counts when it holds a change the server never confirmed, and the server's draft is
   * not known to be younger (made on another device meanwhile). */
  const unsavedCopy = (newest) => {
    const copy = copies.read(state.task.id);
    if (!copy?.unsaved) return null;
    const younger = newest?.updated_at && newest.revision !== copy.revision
      && Date.parse(newest.updated_at) > copy.at;
    return younger ? null : copy;
  };

  const download = (id = state.task?.id) => {
    const answer = [...outbox.waiting(), ...outbox.failed()].find((each) => each.task === id);
    const kept = copies.read(id);
    const result = id === state.task?.id ? state.latest : answer?.body.result ?? kept?.result ?? [];
    copies.download(`jinbiao-task-${id}.json`, { task: id, project: Number(project), user: user.id, at: new Date().toISOString(), result });
  };

  /* List what the server does not have yet: answers on their way, refused ones, work left behind. */
  const showKept = () => {
    const box = find("kept");
    const list = find("kept-list");
    if (!list) return;
    const answers = [...outbox.failed(), ...outbox.waiting()];
    const named = new Set([state.task?.id, ...answers.map((each) => each.task)]);
    const isLate = (each) => each.refused || (each.task !== state.task?.id && Date.now() - each.at >= LATE);
    clearTimeout(listing);
    if (answers.some((each) => !each.refused)) listing = setTimeout(showKept, LATE);
    const rows = [
      ...answers.filter(isLate).map((each) => ({ ...each, word: each.refused ? "not_taken" : "on_its_way" })),
      ...copies.others(state.task?.id).filter((each) => !named.has(each.task)).map((each) => ({ ...each, word: "only_here" })),
    ];
    list.replaceChildren(...rows.map((each) => {
      const row = document.createElement("li");
      row.dataset.kind = each.word;
      row.append(words(each.word, { task: each.task, detail: each.refused?.detail, time: clock(new Date(each.at)) }), " ");
      const offered = each.word === "on_its_way" ? ["download"] : ["back", "download", "drop"];
      for (const action of offered) {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", className: "btn btn-plain btn-small", textContent: WORDS[action] });
        Object.assign(button.dataset, { action, of: each.task });
        row.append(button);
      }
      return row;
    }));
    box.hidden = !rows.length;
  };

  return { writeCopy, unsavedCopy, download, showKept };
};
