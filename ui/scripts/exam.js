/* An examination in the editor: one question after another, the time that is left beside it.
 *
 * <main id="workbench" data-attempt data-questions data-ends data-user data-csrf> with [data-status],
 * [data-clock], iframe[data-editor] and a form [data-hand-in] (templates/exams/sit.html). What was
 * begun is kept on this device until it is sent; the server's clock decides.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const { attempt, questions } = main.dataset;
  const user = JSON.parse(main.dataset.user);
  const frame = main.querySelector("iframe[data-editor]");
  const WORDS = JSON.parse(document.getElementById("words").textContent);
  const OPENED = ["panel", "update", "submit", "skip", "controls", "infobar", "topbar",
    "side-column", "instruction", "annotations:current", "edit-history"];
  const path = `/api/exam-attempts/${attempt}`;

  let question = null;
  let busy = false;

  const fill = (word, values = {}) => WORDS[word].replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  const say = (word, values) => {
    main.dataset.state = word;
    main.querySelector("[data-status]").textContent = fill(word, values);
  };
  const { ask, insist } = window.JinbiaoAsking({
    csrf: main.dataset.csrf,
    user,
    onWaiting: (seconds) => say("retrying", { seconds }),
    onTrying: () => say("sending"),
  });

  const editor = () => frame.contentWindow.JinbiaoEditor;
  const copyKey = () => `jinbiao:${user.id}:exam:${attempt}:${question.id}`;

  const keep = (result) => {
    try {
      if (question) localStorage.setItem(copyKey(), JSON.stringify(result));
    } catch {
      // The device keeps no more: what is on the screen is what there is.
    }
  };

  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(copyKey()));
    } catch {
      return null;
    }
  };

  const toResult = () => location.replace(`/exam-attempts/${attempt}`);

  const next = async () => {
    say("loading");
    try {
      question = await insist("GET", `${path}/next`);
    } catch (problem) {
      if (problem.status === 404 || problem.status === 422) toResult();
      else say("refused", { detail: problem.message });
      return;
    }
    await editor().open({ config: question.label_config, task: question, user, draft: kept(), readonly: false, interfaces: OPENED, suggests: false });
    busy = false;
    say("question", { place: question.place, questions });
    frame.contentWindow.focus();
  };

  const answer = async (result, skipped = false) => {
    if (busy) return;
    busy = true;
    if (!skipped) keep(result);
    say("sending");
    try {
      const told = await insist("POST", `${path}/answers`, { task: question.id, result, was_cancelled: skipped });
      localStorage.removeItem(copyKey());
      if (told.state === "running") setTimeout(next); // the editor's own button must come to rest
      else toResult();
    } catch (problem) {
      busy = false;
      say("refused", { detail: problem.message });
    }
  };

  const ends = Date.parse(main.dataset.ends);
  const tick = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    const values = { minutes: Math.floor(left / 60), seconds: String(left % 60).padStart(2, "0") };
    main.querySelector("[data-clock]").textContent = left ? fill("left", values) : fill("over");
    main.toggleAttribute("data-hurry", left < 60);
    if (!left && !busy) {
      clearInterval(ticking);
      // What stands there when the time is over still counts, if the server gets it in time.
      const result = question && editor().result();
      const sent = result?.length ? ask("POST", `${path}/answers`, { task: question.id, result }) : Promise.resolve();
      sent.catch(() => {}).then(() => setTimeout(toResult, 6000));
    }
  };
  const ticking = setInterval(tick, 1000);

  main.querySelector("[data-hand-in]").addEventListener("submit", (event) => {
    if (!window.confirm(fill("sure"))) event.preventDefault();
  });

  const ready = () => {
    Object.assign(editor(), {
      onChange: keep,
      onSubmit: (result) => answer(result),
      onUpdate: (result) => answer(result),
      onSkip: () => answer([], true),
    });
    tick();
    next();
  };
  window.JinbiaoWorkbench = { ask, task: () => question, say: () => {}, selectRegion: () => false, draftNow: () => Promise.resolve() };
  if (frame.contentDocument?.readyState === "complete" && editor()) ready();
  else frame.addEventListener("load", ready, { once: true });
})();
