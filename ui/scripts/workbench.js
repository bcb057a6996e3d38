/* The labelling page and the review page: tasks in, labels out, nothing lost on the way.
 *
 * <main id="workbench" data-mode="annotate|review" data-project data-task data-user data-csrf>
 *   [data-frames] > <iframe data-editor src="…tasks/editor…">   the editor (scripts/editor.js)
 *   [data-status]                                         one line of status (role="status")
 *   [data-empty] > [data-empty-text]                      shown when no task is left; <main> then
 *                                                         has data-nothing
 *   [data-reason] a <form> with a field named "reason"    asked for when rejecting
 *   [data-action=submit|update|skip|accept|fix|reject|next|cancel]   optional buttons
 *   [data-action=reveal]                                  shows the pre-label where it is hidden
 *   [data-keep] with [data-keep-text] and [data-action=both|only|stay]   asks what to keep then
 *   [data-action=download]                                hands out the work as a file
 *   [data-conflict] with [data-conflict-text] and [data-action=mine|theirs|settle]   shows work of
 *                                                         two windows, one of which is chosen
 *   [data-kept] with [data-kept-list]                     answers on their way, and work that is
 *                                                         kept on this device only
 *   [data-worktime]                                       the clock
 * <script type="application/json" id="words">             the texts of WORDS, translated
 * data-user is an id or a JSON object {id, firstName, lastName, email}. With data-waits the next
 * task is painted only after the server has taken the answer to the one before.
 *
 * Other scripts of the page hear of it by events on <main>: "jinbiao:opened" {task},
 * "jinbiao:concluded" {task, kind: "submitted"|"updated"|"skipped"|"reviewed", answer, waitFor}
 * (the server has taken it; where the page waits for that, the next task is painted only after the
 * promises given to waitFor), "jinbiao:region" {id}, "jinbiao:key" {action}; and act through
 * window.JinbiaoWorkbench = {ask, task, say, selectRegion, draftNow, act, skip, waits}.
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
    conflict: "This task was changed in another window. Look at both and choose",
    both: "Another window kept %(theirs)s labels at %(time)s; here are %(mine)s. Nothing is overwritten until you choose.",
    answered: "This task was submitted in another window with %(theirs)s labels; here are %(mine)s. Nothing is overwritten until you choose.",
    withdrawn: "This task is no longer yours: %(detail)s. Your work is kept on this device; you can download it",
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
    on_its_way: "Task %(task)s is on its way to the server",
    not_taken: "Task %(task)s was not accepted: %(detail)s",
    only_here: "Task %(task)s: work that only this device has (%(time)s)",
    back: "Back to it",
    download: "Download",
    drop: "Forget it",
    still: "Paused",
    ...JSON.parse(document.getElementById("words")?.textContent || "{}"),
  };
  const LEFT_BEHIND = 5; // s that what an earlier page left behind may take before we go on

  const { mode, project, csrf } = main.dataset;
  const reviewing = mode === "review";
  const user = readUser(main.dataset.user);
  const find = (name) => main.querySelector(`[data-${name}]`);

  const state = {
    task: null, // as the server sent it
    draft: null, // {id, revision} on the server
    latest: [], // the labels as they are now
    baseline: "[]", // the labels as they were opened
    conflict: null, // {result, …} of the other window, while nothing is chosen
    looking: false, // at what the other window has
    busy: false, // something final is on its way
    draftTimer: 0,
    drafting: null, // the request that is on its way
    dirty: false, // a change the server does not have
    restored: false, // the status says so until the next change
    seesPrediction: false, // the person has the pre-label before them, or had it
    coming: [], // tasks fetched ahead; none of them is reserved
    taking: null, // the promise of the hold on a task that was fetched ahead
  };
  const bench = {}; // what the parts of the page offer each other, filled below

  function readUser(text) {
    const value = JSON.parse(text || "0");
    return typeof value === "object" ? value : { id: value };
  }

  const words = (word, values = {}) => (WORDS[word] ?? word).replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");

  const say = (word, values = {}, shown = word) => {
    const line = find("status");
    main.dataset.state = shown;
    if (line) line.textContent = words(word, values);
  };

  const tell = (name, detail) => main.dispatchEvent(new CustomEvent(`jinbiao:${name}`, { detail }));

  const clock = (date = new Date()) => date.toLocaleTimeString("zh-CN", { hour12: false });

  const { ask, insist, wait } = window.JinbiaoAsking({
    csrf,
    user,
    onWaiting: (seconds, { status }) => say(status === 401 ? "signed_out" : "retrying", { seconds }),
    onTrying: () => say("sending"),
  });

  const copies = window.JinbiaoCopies({ user, mode });

  const time = window.JinbiaoWorktime((seconds, still) => {
    const shown = find("worktime");
    if (!shown) return;
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    shown.textContent = still ? `${text} ${WORDS.still}` : text;
    shown.toggleAttribute("data-still", still);
  });

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  const take = (id) => insist("POST", `/api/tasks/${id}/workbench`, null, { waiting: () => {}, trying: () => {}, signIn: true });

  const outbox = window.JinbiaoOutbox({ user, insist, take, onChange: () => bench.showKept() });


  // ------------------------------------------------------------------- the frames

  /* Ask what the points or boxes that were drawn mean; where too many ask, again a little later. */
  const suggest = async (context) => {
    const asked = state.task.id;
    say("suggesting");
    for (let attempt = 0; ; attempt += 1) {
      try {
        const told = await ask("POST", `/api/projects/${project}/suggest`, { task: asked, context });
        if (state.task?.id !== asked) return [];
        const found = told.data?.result ?? [];
        if (told.errors) say("refused", { detail: told.errors.join("; ") });
        else say(found.length ? "suggested" : "nothing_found");
        return found;
      } catch (problem) {
        if (state.task?.id !== asked) return [];
        if (problem.status === 429 && attempt < 3) {
          await wait(1);
        } else {
          say("refused", { detail: problem.message });
          return [];
        }
      }
    }
  };

  const frames = window.JinbiaoFrames(main, (frame, isShown) => {
    const page = frame.contentWindow;
    time.listen(page);
    tell("frame", { window: page });
    const whenShown = (act) => (...values) => (isShown() ? act(...values) : undefined);
    Object.assign(page.JinbiaoEditor, {
      onChange: whenShown(bench.changed),
      onDraft: whenShown(bench.changed),
      onSuggest: whenShown(suggest),
      onRegion: whenShown((id) => tell("region", { id })),
      onSubmit: whenShown((result) => (reviewing ? bench.accept(result) : bench.submit(result))),
      onUpdate: whenShown((result) => (reviewing ? bench.accept(result) : bench.update(result))),
      onSkip: whenShown(() => bench.skip()),
      onAccept: whenShown((result) => bench.accept(result)),
      onReject: whenShown(() => bench.askReason()),
      onReady: whenShown((result) => { if (!state.looking) begun(result); }),
    });
  });

  const editor = () => frames.editor();

  const focusEditor = () => frames.shown().contentWindow.focus(); // the keys are the editor's

  const begun = (result) => {
    state.latest = result;
    state.baseline = JSON.stringify(result);
  };

  const optionsFor = (each, start) => {
    const options = { config: each.label_config, task: each, user, draft: start, readonly: false, keymap: main.keymap };
    if (!reviewing) return options;
    return {
      ...options,
      suggests: false, // a reviewer mends with the brush
      task: { ...each, annotations: [each.annotation ?? each.annotations[0]] },
      interfaces: ["panel", "controls", "infobar", "topbar", "instruction", "side-column",
        "annotations:history", "annotations:current", "predictions:tabs", "edit-history"],
    };
  };

  // ------------------------------------------------------------------- the tasks

  /* Go over to a task. What stands ready in the other frame is shown at once. */
  const opened = async (received, isReady = false) => {
    state.task = received;
    const newest = state.task.drafts?.at(-1) ?? null;
    state.draft = newest && !reviewing ? { id: newest.id, revision: newest.revision } : null;
    state.dirty = state.busy = state.restored = state.looking = false;
    state.conflict = null;
    find("conflict")?.setAttribute("hidden", "");
    clearTimeout(state.draftTimer);
    state.draftTimer = 0;
    const copy = bench.unsavedCopy(newest);
    const start = copy?.result ?? (reviewing ? null : newest?.result) ?? null;
    state.seesPrediction = !state.task.predictions_hidden || Boolean(copies.read(state.task.id)?.seesPrediction) || bench.comesFromPrediction(start);
    if (state.seesPrediction && state.task.predictions_hidden) state.task = { ...state.task, predictions: state.task.hidden_predictions };
    if (isReady && !start) {
      frames.swap();
      begun(editor().result());
    }
    main.dataset.task = state.task.id;
    bench.offerPrediction();
    time.start(copy?.lead ?? newest?.lead_time ?? 0);
    if (!isReady || start) await frames.open(optionsFor(state.task, start));
    find("empty")?.setAttribute("hidden", "");
    main.removeAttribute("data-nothing");
    frames.shown().hidden = false;
    focusEditor();
    if (reviewing && start) state.baseline = "null"; // what was restored was changed
    say("ready", { task: state.task.id });
    tell("opened", { task: state.task });
    bench.showKept();
    state.restored = Boolean(copy);
    if (copy) {
      say("restored", { time: clock(new Date(copy.at)) });
      state.dirty = true;
      if (!reviewing) state.draftTimer = setTimeout(bench.sendDraft, bench.DRAFT_AFTER);
    }
    bench.lookAhead();
  };

  const load = async (path) => {
    say("loading");
    try {
      const received = await insist("GET", path, null, { signIn: true });
      await opened(received);
    } catch (problem) {
      if (problem.status === 404) empty(problem.message);
      else say(problem.status === 401 ? "signed_out" : "failed", { detail: problem.message });
      state.busy = false;
    }
  };

  const next = () => {
    state.taking = null;
    return load(`/api/projects/${project}/${reviewing ? "next_review" : "workbench/next"}`);
  };

  const empty = (detail) => {
    state.task = null;
    bench.offerPrediction();
    frames.close();
    find("empty")?.removeAttribute("hidden");
    main.setAttribute("data-nothing", ""); // what acts on a task has none to act on
    const text = find("empty-text");
    if (text) text.textContent = detail || WORDS.empty;
    say("empty");
    bench.showKept();
  };

  Object.assign(bench, {
    state, main, project, user, reviewing, WORDS, find, words, say, tell, clock, ask, insist, wait, same,
    copies, outbox, time, take, frames, editor, focusEditor, optionsFor, opened, next,
  });
  for (const part of ["Kept", "Drafting", "Ahead", "Prelabel", "Decisions"]) {
    Object.assign(bench, window[`Jinbiao${part}`](bench));
  }

  // ------------------------------------------------------------- what a person can do

  const goBackTo = async (id) => {
    if (!reviewing) await bench.sendDraft();
    state.taking = null;
    outbox.forget(id);
    state.coming = state.coming.filter((each) => each.id !== id);
    await load(`/api/tasks/${id}/workbench`);
  };

  const actions = {
    submit: () => editor().submit(),
    update: () => editor().submit(),
    skip: bench.skip,
    accept: () => bench.accept(),
    fix: () => bench.review("fix", "", editor().result()),
    reject: bench.askReason,
    cancel: () => { find("reason").hidden = true; },
    reveal: bench.reveal,
    both: () => bench.showPrediction(editor().result()),
    only: () => bench.showPrediction([]),
    stay: () => { bench.offerPrediction(); focusEditor(); },
    mine: () => bench.lookAt(false),
    theirs: () => bench.lookAt(true),
    settle: bench.settle,
    download: bench.download,
    back: goBackTo,
    drop: (id) => { outbox.forget(id); copies.forget(id); bench.showKept(); },
    next: async () => {
      if (state.busy) return;
      if (!reviewing) await bench.sendDraft();
      next();
    },
  };

  main.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (!button || editor()?.isComposing()) return;
    const { action, of } = button.dataset;
    actions[action]?.(...(of ? [Number(of)] : []));
  });

  find("reason")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const reason = form.elements.reason.value.trim();
    if (!reason) return;
    const code = form.elements.code?.value;
    form.hidden = true;
    form.reset();
    bench.review("reject", reason, null, code);
  });

  window.JinbiaoWorkbench = {
    ask,
    task: () => state.task,
    say: (text) => say(text, {}, main.dataset.state),
    selectRegion: (id) => Boolean(editor()?.selectRegion(id)),
    draftNow: () => (reviewing || !state.dirty ? Promise.resolve() : bench.sendDraft()),
    act: (action) => actions[action]?.(),
    isComposing: () => Boolean(editor()?.isComposing()),
    isHidden: bench.isHidden,
    focusEditor,
    editor,
    next: () => (state.coming.length && frames.prepared() === state.coming[0].id ? state.coming[0].id : null),
    waits: (wanted) => main.toggleAttribute("data-waits", wanted),
  };

  document.addEventListener("visibilitychange", () => { if (document.hidden && state.dirty && !reviewing) bench.sendDraft(); });
  time.listen(window);

  const begin = async () => {
    await frames.loaded();
    // What an earlier page left behind goes first: else the same task is handed out again.
    if (!reviewing && outbox.waiting().length) {
      say("sending");
      await Promise.race([outbox.flush(), wait(LEFT_BEHIND)]);
    }
    if (main.dataset.task) load(`/api/tasks/${main.dataset.task}/workbench`);
    else next();
  };
  begin();
})();