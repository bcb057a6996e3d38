/* The tasks that come next, fetched before they are asked for: window.JinbiaoAhead(bench) gives
 *
 *   lookAhead()    fetch them and their media, make the first ready where nobody sees it
 *   goOn()         show the first of them; false where there is none
 *   isFree(task)   whether it may be shown: nothing of it is on its way or unsaved here
 * None of them is reserved before it is shown.
 */
"use strict";

window.JinbiaoAhead = (bench) => {
  const AHEAD = 2; // tasks that are fetched before they are asked for
  const MOST = 5; // tasks that the server names at once
  const REST = 120; // ms after a task was painted before the next one is made ready
  const { state, main, project, reviewing, say, tell, ask, wait, copies, take, outbox, same } = bench;
  let looked = 0; // how often we looked ahead: only the last answer counts

  const isFree = (each) => each.id !== state.task?.id && !outbox.has(each.id) && !copies.read(each.id)?.unsaved;

  /* Fetch what comes next, its media too, and make the first of it ready where nobody sees it. */
  const lookAhead = async () => {
    if (reviewing || !main.hasAttribute("data-ahead")) return;
    const turn = (looked += 1);
    state.coming = state.coming.filter(isFree);
    await wait(REST / 1000);
    if (turn !== looked) return;
    const preparing = state.coming.length ? prepare() : null;
    try {
      await state.taking;
      // What is held comes first there: the task that is shown, and answers on their way.
      const number = Math.min(AHEAD + 1 + outbox.waiting().length, MOST);
      const found = await ask("GET", `/api/projects/${project}/workbench/ahead?number=${number}`);
      if (turn !== looked) return;
      // What stands ready stays the next one: whether it is still free is found out when it is shown.
      state.coming = [...state.coming.slice(0, 1), ...found.filter((each) => each.id !== state.coming[0]?.id)].filter(isFree);
      state.coming.length = Math.min(state.coming.length, AHEAD);
      fetchMedia();
    } catch {
      return; // then the next task is asked for when it is needed
    }
    await preparing;
    if (turn === looked && state.coming.length && bench.frames.prepared() !== state.coming[0].id) await prepare();
  };

  const idle = () => new Promise((resolve) => {
    (window.requestIdleCallback ?? setTimeout)(resolve, { timeout: 500 });
  });

  const prepare = async () => {
    const [first] = state.coming;
    await idle();
    if (state.coming[0] === first && first.id !== state.task?.id) await bench.frames.prepare(bench.optionsFor(first, null));
  };

  const fetchMedia = () => {
    for (const value of state.coming.flatMap((each) => Object.values(each.data)).flat()) {
      if (typeof value === "string" && /^\/(media|data)\//.test(value)) fetch(value, { priority: "low" }).catch(() => {});
    }
  };

  /* Show the next task from those fetched ahead; false where there is none. Reserving it begins as
   * it is shown; if it is gone by then, another one is shown. */
  const goOn = () => {
    const [first] = state.coming;
    if (!first) return false;
    state.coming = state.coming.slice(1);
    looked += 1;
    state.taking = takeShown(first);
    state.taking.catch(() => {}); // said where it happened
    bench.opened(first, bench.frames.prepared() === first.id).catch((error) => {
      console.error(error);
      say("failed", { detail: error.message });
    });
    return true;
  };

  const takeShown = async (first) => {
    try {
      const now = await take(first.id);
      if (state.task?.id !== first.id) return now.unique_lock_id;
      const before = state.task;
      Object.assign(state.task, { unique_lock_id: now.unique_lock_id, assignment: now.assignment });
      // What was fetched ahead may be old by now.
      if (now.label_config !== before.label_config || now.drafts.length || now.annotations.length
        || !same(idsOf(now), idsOf(first))) await bench.opened(now);
      return now.unique_lock_id;
    } catch (problem) {
      if (state.task?.id === first.id && !state.busy) {
        if (state.dirty) say("withdrawn", { detail: problem.message });
        else if (!goOn()) bench.next();
        if (!state.dirty) tell("gone", { task: first });
      }
      throw problem;
    }
  };

  const idsOf = (each) => [...(each.predictions ?? []), ...(each.hidden_predictions ?? [])].map(({ id }) => id);

  return { lookAhead, goOn, isFree };
};
