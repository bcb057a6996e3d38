/* What ends a task: window.JinbiaoDecisions(bench) gives the workbench
 *
 *   submit(result), update(result), skip()        the annotator's answer
 *   accept(result), review(verdict, reason, result, code), askReason()   the reviewer's
 * The answer of an annotator goes through the outbox; the next task does not wait for it where one
 * stands ready.
 */
"use strict";

window.JinbiaoDecisions = (bench) => {
  const { state, main, project, find, say, tell, insist, copies, outbox, time, same } = bench;

  /* Tell what the server took; where the page waited for it, wait for those who have something
   * to show first. */
  const concluded = async (done, kind, answer) => {
    const awaited = [];
    tell("concluded", { task: done, kind, answer, waitFor: (promise) => awaited.push(promise) });
    await Promise.allSettled(awaited);
  };

  const stop = () => {
    state.busy = true;
    clearTimeout(state.draftTimer);
    state.draftTimer = 0;
    if (state.latest) bench.writeCopy(true);
  };

  const whyNot = (problem) => {
    state.busy = false;
    state.dirty = true;
    if (problem.status === 401) say("signed_out");
    else if (problem.status === 404) say("withdrawn", { detail: problem.message });
    else say("refused", { detail: problem.message });
    if (problem.status === 422) bench.meet(); // another window may have submitted it
  };

  /* Hand in an answer. The next task is painted at once where one stands ready; the answer stays on
   * this device until the server has taken it. */
  const hand = async (word, kind, method, path, body) => {
    if (state.busy || !state.task || state.conflict) return;
    stop();
    const done = state.task;
    const answer = { task: done.id, project: Number(project), kind, method, path, body };
    const sent = outbox.add({ ...answer, lock: done.unique_lock_id ?? state.taking }, state.drafting);
    const goes = !main.hasAttribute("data-waits") && state.coming.some(bench.isFree);
    if (goes) {
      state.coming = state.coming.filter(bench.isFree);
      sent.then((taken) => {
        if (state.task?.id !== done.id) copies.forget(done.id);
        bench.showKept();
        concluded(done, kind, taken);
      }).catch(bench.showKept);
      setTimeout(bench.goOn); // the editor's own button must come to rest first
      return;
    }
    say("sending");
    const waiting = setTimeout(() => say("retrying", { seconds: 2 }), 2500);
    try {
      let taken = await sent;
      // What was changed while the server could not be reached goes after it.
      if (state.task === done && body.result?.length && !same(state.latest, body.result)) taken = await patch(taken.id);
      clearTimeout(waiting);
      copies.forget(done.id);
      say(word);
      await concluded(done, kind, taken);
    } catch (problem) {
      clearTimeout(waiting);
      if (state.task?.id === done.id) outbox.forget(done.id); // what it was stands before the person
      whyNot(problem);
      return;
    }
    setTimeout(() => bench.goOn() || bench.next());
  };

  const patch = (id) => insist("PATCH", `/api/annotations/${id}/`, { result: state.latest, lead_time: bench.spentBefore() + time.seconds() });

  const submit = (result, cancelled = false) => {
    if (state.busy || !state.task || state.conflict) return;
    if (!cancelled) state.latest = result;
    hand(cancelled ? "skipped" : "submitted", cancelled ? "skipped" : "submitted", "POST", `/api/tasks/${state.task.id}/annotations/`, {
      result: cancelled ? [] : result,
      lead_time: time.seconds(),
      was_cancelled: cancelled,
      parent_prediction: cancelled || !state.seesPrediction ? null : state.task.predictions?.[0]?.id ?? null,
    });
  };

  const update = (result) => {
    if (state.busy || !state.task || state.conflict || !bench.annotationId()) return;
    state.latest = result;
    hand("submitted", "updated", "PATCH", `/api/annotations/${bench.annotationId()}/`, { result, lead_time: bench.spentBefore() + time.seconds() });
  };

  const skip = () => submit([], true);

  const review = async (verdict, reason, result, code) => {
    if (state.busy || !state.task) return;
    stop();
    const done = state.task;
    say("sending");
    try {
      const taken = await insist("POST", `/api/annotations/${bench.annotationId()}/reviews`, { verdict, reason, ...(result && { result }), ...(code && { code }) });
      copies.forget(done.id);
      say("reviewed");
      await concluded(done, "reviewed", taken);
    } catch (problem) {
      whyNot(problem);
      return;
    }
    setTimeout(bench.next);
  };

  const accept = (result = bench.editor().result()) => (
    JSON.stringify(result) === state.baseline ? review("accept", "") : review("fix", "", result)
  );

  const askReason = () => {
    const form = find("reason");
    if (!form || !state.task) return;
    form.hidden = false;
    form.elements.reason.focus();
  };

  return { submit, update, skip, review, accept, askReason };
};
