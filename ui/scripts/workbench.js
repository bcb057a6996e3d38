/* The labelling page and the review page: tasks in, labels out, nothing lost on the way.
 *
 * <main id="workbench" data-mode="annotate|review" data-project data-task data-user data-csrf>
 *   <iframe data-editor src="…tasks/editor…">            the editor (scripts/editor.js)
 *   [data-status]                                         one line of status (role="status")
 *   [data-empty] > [data-empty-text]                      shown when no task is left
 *   [data-reason] a <form> with a field named "reason"    asked for when rejecting
 *   [data-action=submit|update|skip|accept|fix|reject|next|cancel]   optional buttons
 *   [data-action=reveal]                                  shows the pre-label where it is hidden
 *   [data-keep] with [data-keep-text] and [data-action=both|only|stay]   asks what to keep then
 * <script type="application/json" id="words">             the texts of WORDS, translated
 * data-user is an id or a JSON object {id, firstName, lastName, email}.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  if (!main) return;

  const WORDS = {
    loading: "Loading the task…",
    ready: "Task %(task)s",
    saving: "Saving…",
    saved: "Draft saved at %(time)s",
    kept: "Kept on this device; the server cannot be reached",
    restored: "Restored unsaved work from this device (%(time)s)",
    conflict: "This task was changed in another window. Submit keeps what you see here; reload to see the other",
    sending: "Sending…",
    submitted: "Submitted",
    skipped: "Skipped",
    reviewed: "Review recorded",
    retrying: "Not sent: the server cannot be reached. Your work is kept; next try in %(seconds)s s",
    refused: "Not accepted: %(detail)s",
    signed_out: "You are signed out. Your work is kept on this device; sign in again in another tab",
    failed: "The task cannot be opened: %(detail)s",
    empty: "No task is left",
    keep: "You have made %(count)s labels. Keep them beside the pre-label?",
    revealed: "The pre-label is shown",
    suggesting: "Outlining…",
    suggested: "Enter takes the outline, Esc drops it; Alt and a click say what is not part of it",
    nothing_found: "Nothing stands out there; try another point",
    ...JSON.parse(document.getElementById("words")?.textContent || "{}"),
  };
  const DRAFT_AFTER = 1500; // ms from a change to its draft
  const IDLE = 60_000; // ms without a sign of life after which the clock stands still
  const RETRY = [2, 4, 8, 15, 30]; // s between the tries to reach the server

  const { mode, project, csrf } = main.dataset;
  const reviewing = mode === "review";
  const user = readUser(main.dataset.user);
  const frame = main.querySelector("iframe[data-editor]");
  const find = (name) => main.querySelector(`[data-${name}]`);

  let task = null; // as the server sent it
  let draft = null; // {id, revision} on the server
  let latest = []; // the labels as they are now
  let baseline = "[]"; // the labels as they were opened
  let conflict = false; // another window changed the draft
  let busy = false; // something final is on its way
  let draftTimer = 0;
  let drafting = null; // the request that is on its way
  let dirty = false; // a change the server does not have
  let restored = false; // the status says so until the next change
  let seesPrediction = false; // the person has the pre-label before them, or had it

  function readUser(text) {
    const value = JSON.parse(text || "0");
    return typeof value === "object" ? value : { id: value };
  }

  const say = (word, values = {}, state = word) => {
    const line = find("status");
    main.dataset.state = state;
    if (!line) return;
    line.textContent = (WORDS[word] ?? word).replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  };

  const clock = (date = new Date()) => date.toLocaleTimeString("zh-CN", { hour12: false });

  // ---------------------------------------------------------------- the server

  class Problem extends Error {
    constructor(status, { detail = "", validation_errors = {} } = {}) {
      const told = Object.entries(validation_errors).flatMap(([place, lines]) =>
        lines.filter((line) => line !== detail).map((line) => (place === "non_field_errors" ? line : `${place}: ${line}`)));
      super([detail || String(status), ...told].join("; "));
      this.status = status;
    }
    get passing() {
      return this.status === 0 || this.status === 429 || this.status >= 500;
    }
  }

  /* Ask the API; throws Problem, with status 0 when the server cannot be reached. */
  const ask = async (method, path, body, headers = {}) => {
    const options = { method, credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": csrf, ...headers } };
    if (body) {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Problem(0);
    }
    const content = await response.json().catch(() => ({}));
    const tag = Number(response.headers.get("ETag")?.replace(/\D/g, ""));
    if (tag && content && content.revision === undefined) content.revision = tag;
    if (!response.ok) throw new Problem(response.status, content);
    return content;
  };

  const wait = (seconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });

  /* Ask until the server answers; only an answer that will not change is thrown. */
  const insist = async (method, path, body) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask(method, path, body);
      } catch (problem) {
        if (!problem.passing) throw problem;
        const seconds = RETRY[Math.min(attempt, RETRY.length - 1)];
        say("retrying", { seconds });
        await wait(seconds);
        say("sending");
      }
    }
  };

  // ------------------------------------------------------ the copy on this device

  const copyKey = () => `jinbiao:${user.id}:${mode}:${task.id}`;

  const readCopy = () => {
    try {
      return JSON.parse(localStorage.getItem(copyKey()));
    } catch {
      return null;
    }
  };

  const writeCopy = (unsaved) => {
    const copy = { result: latest, at: Date.now(), lead: lead.seconds(), revision: draft?.revision ?? null, unsaved, seesPrediction };
    try {
      localStorage.setItem(copyKey(), JSON.stringify(copy));
    } catch {
      // The device keeps no more: the draft on the server is what remains.
    }
  };

  const forgetCopy = () => localStorage.removeItem(copyKey());

  /* The copy counts when it holds a change the server never confirmed, and the server's draft is
   * not known to be younger (made on another device meanwhile). */
  const unsavedCopy = (newest) => {
    const copy = readCopy();
    if (!copy?.unsaved) return null;
    const younger = newest?.updated_at && newest.revision !== copy.revision
      && Date.parse(newest.updated_at) > copy.at;
    return younger ? null : copy;
  };

  // -------------------------------------------------------------------- the time

  const lead = (() => {
    let spent = 0;
    let last = 0;
    const alive = () => {
      const now = performance.now();
      if (last) spent += Math.min(now - last, IDLE);
      last = now;
    };
    const start = (seconds = 0) => { spent = seconds * 1000; last = performance.now(); };
    const seconds = () => {
      const running = last ? Math.min(performance.now() - last, IDLE) : 0;
      return Math.round((spent + running) / 100) / 10;
    };
    const listen = (target) => {
      for (const type of ["pointerdown", "pointermove", "keydown", "wheel"]) {
        target.addEventListener(type, alive, { passive: true, capture: true });
      }
    };
    return { start, seconds, listen };
  })();

  // ------------------------------------------------------------------ the drafts

  // A changed annotation has taken the time of both.
  const spentBefore = () => (task.annotation ?? task.annotations?.[0])?.lead_time ?? 0;

  const annotationId = () => task.annotation?.id ?? task.annotations?.[0]?.id ?? null;

  const sendDraft = async () => {
    clearTimeout(draftTimer);
    draftTimer = 0;
    if (drafting) await drafting;
    if (!dirty || busy || conflict || !task) return;
    dirty = false;
    const body = { result: latest, lead_time: lead.seconds() };
    const current = task;
    drafting = (draft
      ? ask("PATCH", `/api/drafts/${draft.id}/`, body, { "If-Match": `"${draft.revision}"` })
      : ask("POST", `/api/tasks/${task.id}/drafts`, body)
    ).then(({ id, revision }) => {
      if (task !== current) return;
      draft = { id, revision };
      writeCopy(dirty);
      if (!restored) say("saved", { time: clock() });
    }).catch((problem) => {
      if (task !== current) return;
      dirty = true;
      if (problem.status === 412) {
        conflict = true;
        say("conflict");
      } else if (problem.status === 404 && draft) {
        draft = null; // gone meanwhile: make a new one
        draftTimer ||= setTimeout(sendDraft, DRAFT_AFTER);
      } else if (problem.status === 401) {
        say("signed_out");
      } else if (problem.passing) {
        say("kept");
        draftTimer ||= setTimeout(sendDraft, RETRY[1] * 1000);
      } else {
        say("refused", { detail: problem.message });
      }
    });
    await drafting;
    drafting = null;
  };

  const changed = (result) => {
    if (!task || JSON.stringify(result) === JSON.stringify(latest)) return;
    latest = result;
    dirty = true;
    restored = false;
    writeCopy(true);
    // A reviewer's changes become a verdict, not a draft of the annotator's.
    if (!reviewing && !busy) draftTimer ||= setTimeout(sendDraft, DRAFT_AFTER);
  };

  // ------------------------------------------------------------------- the tasks

  const editor = () => frame.contentWindow.JinbiaoEditor;

  const frameLoaded = () => new Promise((resolve) => {
    const ready = () => frame.contentDocument?.readyState === "complete" && editor();
    if (ready()) resolve();
    else frame.addEventListener("load", resolve, { once: true });
  });

  /* Ask what the points or boxes that were drawn mean; where too many ask, again a little later. */
  const suggest = async (context) => {
    const asked = task.id;
    say("suggesting");
    for (let attempt = 0; ; attempt += 1) {
      try {
        const told = await ask("POST", `/api/projects/${project}/suggest`, { task: asked, context });
        if (task?.id !== asked) return [];
        const found = told.data?.result ?? [];
        if (told.errors) say("refused", { detail: told.errors.join("; ") });
        else say(found.length ? "suggested" : "nothing_found");
        return found;
      } catch (problem) {
        if (task?.id !== asked) return [];
        if (problem.status === 429 && attempt < 3) {
          await wait(1);
        } else {
          say("refused", { detail: problem.message });
          return [];
        }
      }
    }
  };

  const connect = () => {
    lead.listen(frame.contentWindow);
    frame.contentWindow.addEventListener("keydown", whenAsked, true);
    Object.assign(editor(), {
      onChange: changed,
      onDraft: changed,
      onSuggest: suggest,
      onSubmit: (result) => (reviewing ? accept(result) : submit(result)),
      onUpdate: (result) => (reviewing ? accept(result) : update(result)),
      onSkip: skip,
      onAccept: accept,
      onReject: askReason,
      onReady: (result) => { latest = result; baseline = JSON.stringify(result); },
    });
  };

  const show = async (start) => {
    const options = { config: task.label_config, task, user, draft: start, readonly: false };
    if (reviewing) {
      options.suggests = false; // a reviewer mends with the brush
      options.task = { ...task, annotations: [task.annotation ?? task.annotations[0]] };
      options.interfaces = ["panel", "controls", "infobar", "topbar", "instruction", "side-column",
        "annotations:history", "annotations:current", "predictions:tabs", "edit-history"];
    }
    try {
      await editor().open(options);
    } catch (error) {
      console.error(error);
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
      frame.contentWindow.location.reload();
      await loaded;
      connect();
      await editor().open(options);
    }
  };

  const opened = async (received) => {
    task = received;
    const newest = task.drafts?.at(-1) ?? null;
    draft = newest && !reviewing ? { id: newest.id, revision: newest.revision } : null;
    conflict = dirty = busy = restored = false;
    clearTimeout(draftTimer);
    draftTimer = 0;
    main.dataset.task = task.id;
    const copy = unsavedCopy(newest);
    const start = copy?.result ?? (reviewing ? null : newest?.result) ?? null;
    seesPrediction = !task.predictions_hidden || Boolean(readCopy()?.seesPrediction) || comesFromPrediction(start);
    if (seesPrediction && task.predictions_hidden) task = { ...task, predictions: task.hidden_predictions };
    offerPrediction();
    lead.start(copy?.lead ?? newest?.lead_time ?? 0);
    await show(start);
    find("empty")?.setAttribute("hidden", "");
    frame.hidden = false;
    frame.contentWindow.focus(); // the keys are the editor's
    if (reviewing && start) baseline = "null"; // what was restored was changed
    say("ready", { task: task.id });
    restored = Boolean(copy);
    if (copy) {
      say("restored", { time: clock(new Date(copy.at)) });
      dirty = true;
      if (!reviewing) draftTimer = setTimeout(sendDraft, DRAFT_AFTER);
    }
  };

  // ------------------------------------------------------------- the hidden pre-label

  const WHOLE = new Set(["choices", "rating", "number", "taxonomy", "textarea", "datetime", "pairwise", "ranker"]);

  const comesFromPrediction = (result) => Boolean(result?.some((each) => each.origin?.startsWith("prediction")));

  const isHidden = () => Boolean(task?.predictions_hidden && !seesPrediction && !task.annotations?.length);

  const offerPrediction = () => {
    find("keep")?.setAttribute("hidden", "");
    const button = find('action="reveal"');
    if (button) button.hidden = !isHidden();
  };

  /* What the person made goes beside what the model says; where both answer one question about
   * the whole, the person's answer counts. */
  const beside = (said, made) => {
    const regions = new Set(said.filter((each) => !WHOLE.has(each.type)).map((each) => each.id));
    const answered = new Set(made.filter((each) => WHOLE.has(each.type)).map((each) => each.from_name));
    const kept = said.filter((each) => !WHOLE.has(each.type) || regions.has(each.id) || !answered.has(each.from_name));
    return [...kept.map((each) => ({ ...each, origin: "prediction" })), ...made];
  };

  const reveal = () => {
    if (!isHidden() || busy) return;
    const made = editor().result();
    if (!made.length || !find("keep")) {
      showPrediction([]);
      return;
    }
    find("keep-text").textContent = WORDS.keep.replace("%(count)s", made.length);
    find("keep").hidden = false;
    find('action="both"').focus();
  };

  const showPrediction = async (made) => {
    if (!isHidden() || busy) return;
    seesPrediction = true;
    task = { ...task, predictions: task.hidden_predictions };
    offerPrediction();
    const current = task;
    await show(made.length ? beside(task.predictions[0].result, made) : null);
    if (task !== current) return;
    frame.contentWindow.focus();
    // What was kept until now is no longer what is shown.
    dirty = true;
    writeCopy(true);
    draftTimer ||= setTimeout(sendDraft, DRAFT_AFTER);
    say("revealed");
  };

  const whenAsked = (event) => {
    const asks = event.altKey && event.code === "KeyP" && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!asks || event.isComposing || editor().isComposing() || !isHidden()) return;
    event.preventDefault();
    event.stopPropagation();
    reveal();
  };

  const empty = (detail) => {
    task = null;
    offerPrediction();
    frame.hidden = true;
    editor()?.close();
    find("empty")?.removeAttribute("hidden");
    const text = find("empty-text");
    if (text) text.textContent = detail || WORDS.empty;
    say("empty");
  };

  const load = async (path) => {
    say("loading");
    try {
      const received = await insist("GET", path);
      await opened(received);
    } catch (problem) {
      if (problem.status === 404) empty(problem.message);
      else say("failed", { detail: problem.message });
      busy = false;
    }
  };

  const next = () => load(`/api/projects/${project}/${reviewing ? "next_review" : "workbench/next"}`);

  // ----------------------------------------------------------------- the decisions

  /* Do something final to the task, then go on; what fails for good leaves the work as it is. */
  const conclude = async (word, act) => {
    if (busy || !task) return;
    busy = true;
    clearTimeout(draftTimer);
    draftTimer = 0;
    if (latest) writeCopy(true);
    await drafting;
    say("sending");
    try {
      await act();
    } catch (problem) {
      busy = false;
      dirty = true;
      say(problem.status === 401 ? "signed_out" : "refused", { detail: problem.message });
      return;
    }
    forgetCopy();
    say(word);
    setTimeout(next); // the editor's own button must come to rest first
  };

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  const submit = (result, cancelled = false) => conclude(cancelled ? "skipped" : "submitted", async () => {
    const sent = cancelled ? [] : (latest = result);
    const made = await insist("POST", `/api/tasks/${task.id}/annotations/`, {
      result: sent,
      lead_time: lead.seconds(),
      was_cancelled: cancelled,
      parent_prediction: cancelled || !seesPrediction ? null : task.predictions?.[0]?.id ?? null,
      unique_id: task.unique_lock_id,
    });
    // What was changed while the server could not be reached goes after it.
    if (!cancelled && !same(latest, sent)) await patch(made.id);
  });

  const patch = (id) => insist("PATCH", `/api/annotations/${id}/`, { result: latest, lead_time: spentBefore() + lead.seconds() });

  const update = (result) => conclude("submitted", async () => {
    latest = result;
    if (annotationId()) await patch(annotationId());
  });

  const skip = () => submit([], true);

  const review = (verdict, reason, result) => conclude("reviewed", () => insist(
    "POST", `/api/annotations/${annotationId()}/reviews`, { verdict, reason, ...(result && { result }) },
  ));

  const accept = (result = editor().result()) => (
    JSON.stringify(result) === baseline ? review("accept", "") : review("fix", "", result)
  );

  const askReason = () => {
    const form = find("reason");
    if (!form) return;
    form.hidden = false;
    form.elements.reason.focus();
  };

  const actions = {
    submit: () => editor().submit(),
    update: () => editor().submit(),
    skip,
    accept: () => accept(),
    fix: () => review("fix", "", editor().result()),
    reject: askReason,
    cancel: () => { find("reason").hidden = true; },
    reveal,
    both: () => showPrediction(editor().result()),
    only: () => showPrediction([]),
    stay: () => { offerPrediction(); frame.contentWindow.focus(); },
    next: async () => {
      if (busy) return;
      if (!reviewing) await sendDraft();
      next();
    },
  };

  main.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button && !editor().isComposing()) actions[button.dataset.action]?.();
  });

  find("reason")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const reason = form.elements.reason.value.trim();
    if (!reason) return;
    form.hidden = true;
    form.reset();
    review("reject", reason);
  });

  document.addEventListener("visibilitychange", () => { if (document.hidden && dirty && !reviewing) sendDraft(); });
  lead.listen(window);
  window.addEventListener("keydown", whenAsked, true);

  frameLoaded().then(() => {
    connect();
    if (main.dataset.task) load(`/api/tasks/${main.dataset.task}/workbench`);
    else next();
  });
})();
