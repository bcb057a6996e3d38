/* Drafts, and the work of two windows: window.JinbiaoDrafting(bench) gives the workbench
 *
 *   changed(result)    the labels are others now: keep them here at once, on the server soon
 *   sendDraft()        bring the server's draft up to date, now
 *   meet()             show what another window did beside this, and let one be chosen:
 *   lookAt(other)      look at the other's work, or at one's own
 *   settle()           keep the one that is looked at
 *   annotationId(), spentBefore()   of the annotation that is changed: its id, seconds spent on it
 */
"use strict";

window.JinbiaoDrafting = (bench) => {
  const DRAFT_AFTER = 1000; // ms from a change to its draft: on the server within two seconds
  const RETRY_DRAFT = 4000; // ms until a draft that did not arrive is sent again
  const { state, reviewing, find, words, say, clock, ask, copies, outbox, time } = bench;

  // A changed annotation has taken the time of both.
  const spentBefore = () => (state.task.annotation ?? state.task.annotations?.[0])?.lead_time ?? 0;

  const annotationId = () => state.task.annotation?.id ?? state.task.annotations?.[0]?.id ?? null;

  const sendDraft = async () => {
    clearTimeout(state.draftTimer);
    state.draftTimer = 0;
    if (state.drafting) await state.drafting;
    if (!state.dirty || state.busy || state.conflict || !state.task) return;
    state.dirty = false;
    const body = { result: state.latest, lead_time: time.seconds() };
    const current = state.task;
    state.drafting = (state.draft
      ? ask("PATCH", `/api/drafts/${state.draft.id}/`, body, { "If-Match": `"${state.draft.revision}"` })
      : ask("POST", `/api/tasks/${state.task.id}/drafts`, body, { "If-None-Match": "*" })
    ).then(({ id, revision }) => {
      if (state.task !== current) return;
      state.draft = { id, revision };
      bench.writeCopy(state.dirty);
      // What to do with an outline that is offered is said until it is taken or dropped.
      const offering = ["suggesting", "suggested"].includes(document.getElementById("workbench").dataset.state);
      if (!state.restored && !offering) say("saved", { time: clock() });
    }).catch((problem) => {
      if (state.task !== current) return;
      state.dirty = true;
      if (problem.status === 412) {
        state.drafting = null;
        return meet();
      }
      if (problem.status === 404 && state.draft) {
        state.draft = null; // gone meanwhile: make a new one
        state.draftTimer ||= setTimeout(sendDraft, DRAFT_AFTER);
      } else if (problem.status === 401) {
        say("signed_out");
        state.draftTimer ||= setTimeout(sendDraft, RETRY_DRAFT);
      } else if (problem.passing) {
        say("kept");
        state.draftTimer ||= setTimeout(sendDraft, RETRY_DRAFT);
      } else {
        say(problem.status === 404 ? "withdrawn" : "refused", { detail: problem.message });
      }
    });
    await state.drafting;
    state.drafting = null;
  };

  const changed = (result) => {
    if (!state.task || state.looking || JSON.stringify(result) === JSON.stringify(state.latest)) return;
    state.latest = result;
    state.dirty = true;
    state.restored = false;
    const kept = bench.writeCopy(true);
    // A reviewer's changes become a verdict, not a draft of the annotator's.
    if (!reviewing && !state.busy) state.draftTimer ||= setTimeout(sendDraft, kept ? DRAFT_AFTER : 0);
  };

  // ------------------------------------------------------- the work of two windows

  /* Another window changed this work, or submitted it: fetch that, show both, let one be chosen. */
  const meet = async () => {
    const current = state.task;
    let theirs;
    try {
      theirs = await ask("GET", `/api/tasks/${state.task.id}/workbench`);
    } catch (problem) {
      if (state.task === current) say(problem.status === 404 ? "withdrawn" : "refused", { detail: problem.message });
      return;
    }
    if (state.task !== current) return;
    const other = theirs.drafts?.at(-1) ?? theirs.annotations?.at(-1) ?? null;
    const isAnswer = !theirs.drafts?.length && Boolean(other);
    if (!other || !find("conflict")) return;
    if (JSON.stringify(other.result) === JSON.stringify(state.latest)) { // both did the same
      if (isAnswer) bench.next();
      else state.draft = { id: other.id, revision: other.revision };
      return;
    }
    state.conflict = { ...other, isAnswer };
    const at = other.updated_at ? clock(new Date(other.updated_at)) : "";
    find("conflict-text").textContent = words(isAnswer ? "answered" : "both", { theirs: other.result.length, mine: state.latest.length, time: at });
    find("conflict").hidden = false;
    say("conflict");
    markLooking();
  };

  const markLooking = () => {
    for (const [action, pressed] of [["mine", !state.looking], ["theirs", state.looking]]) {
      find(`action="${action}"`)?.setAttribute("aria-pressed", pressed);
    }
  };

  const lookAt = async (other) => {
    if (!state.conflict || state.looking === other) return;
    state.looking = other;
    markLooking();
    await bench.frames.open({ ...bench.optionsFor(state.task, other ? state.conflict.result : state.latest), readonly: other });
  };

  /* Take the one that is looked at; the other one is gone after that. */
  const settle = async () => {
    if (!state.conflict) return;
    const chosen = state.conflict;
    const keepsTheirs = state.looking;
    find("conflict").hidden = true;
    state.conflict = null;
    state.looking = false;
    if (chosen.isAnswer) {
      if (keepsTheirs) {
        copies.forget(state.task.id);
        outbox.forget(state.task.id);
        state.dirty = false;
        bench.next();
        return;
      }
      // What was submitted is changed to this when it is submitted again.
      state.task = { ...state.task, annotations: [chosen] };
      state.draft = null;
    } else {
      state.draft = { id: chosen.id, revision: chosen.revision };
    }
    if (keepsTheirs) {
      state.latest = chosen.result;
      state.dirty = false;
      bench.writeCopy(false);
    }
    await bench.frames.open(bench.optionsFor(state.task, state.latest));
    say("ready", { task: state.task.id });
    if (keepsTheirs) return;
    state.dirty = true;
    sendDraft();
  };

  return { changed, sendDraft, DRAFT_AFTER, meet, lookAt, settle, annotationId, spentBefore };
};
