/* The frames of the editor: one is shown, in the other the next task is made ready.
 *
 * window.JinbiaoFrames(main, connect) gives
 *   loaded()          resolves when the frame that is shown can be used
 *   shown()           its <iframe data-editor>
 *   editor()          its window.JinbiaoEditor (scripts/editor.js)
 *   open(options)     show a task there; a frame whose editor broke is loaded again
 *   close()           show nothing there any more
 *   prepare(options)  make a task ready in the other frame, which nobody sees; only the last counts
 *   prepared()        the id of the task that stands ready there, null if none does
 *   swap()            show that one
 * connect(frame, isShown) is called for each frame that was loaded; what its editor tells counts
 * only while isShown().
 */
"use strict";

window.JinbiaoFrames = (main, connect) => {
  let shown = main.querySelector("iframe[data-editor]");
  let spare = null;
  let ready = null; // the id of the task that stands ready in the spare frame
  let turn = 0;
  const MANY = 500; // regions that the editor takes apart so slowly that its page is loaded anew
  const loading = new WeakMap(); // what waits for a frame that is loaded again

  const editorOf = (frame) => frame?.contentWindow?.JinbiaoEditor;

  const isLoaded = (frame) => frame.contentDocument?.readyState === "complete" && editorOf(frame);

  const whenLoaded = (frame) => new Promise((resolve) => {
    if (isLoaded(frame)) resolve();
    else frame.addEventListener("load", resolve, { once: true });
  });

  // What a page tells while it goes away is of the task before: it counts for nobody.
  const join = (frame) => connect(frame, () => frame === shown && !loading.has(frame));

  const loadAgain = (frame) => {
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
    loading.set(frame, loaded.then(() => { loading.delete(frame); join(frame); }));
    frame.contentWindow.location.reload();
    return loading.get(frame);
  };

  const holdsMany = (frame) => (editorOf(frame)?.size() ?? 0) > MANY;

  const openIn = async (frame, options) => {
    await loading.get(frame);
    if (holdsMany(frame)) await loadAgain(frame);
    try {
      await editorOf(frame).open(options);
    } catch (error) {
      console.error(error);
      await loadAgain(frame);
      await editorOf(frame).open(options);
    }
  };

  const close = () => {
    shown.hidden = true;
    if (loading.has(shown)) return;
    if (holdsMany(shown)) loadAgain(shown);
    else editorOf(shown)?.close();
  };

  const withSpare = async () => {
    if (!spare) {
      spare = document.createElement("iframe");
      spare.src = shown.src;
      spare.title = shown.title;
      hide(spare);
      shown.after(spare);
      await whenLoaded(spare);
      join(spare);
    }
    return spare;
  };

  const hide = (frame) => {
    frame.removeAttribute("data-editor");
    frame.dataset.spare = "";
    frame.tabIndex = -1;
    frame.setAttribute("aria-hidden", "true");
  };

  const reveal = (frame) => {
    frame.removeAttribute("data-spare");
    frame.dataset.editor = "";
    frame.removeAttribute("tabindex");
    frame.removeAttribute("aria-hidden");
    frame.hidden = false;
  };

  const prepare = async (options) => {
    const mine = (turn += 1);
    ready = null;
    const frame = await withSpare();
    if (mine !== turn) return;
    await openIn(frame, options);
    if (mine === turn) ready = options.task.id;
  };

  const swap = () => {
    turn += 1;
    ready = null;
    [shown, spare] = [spare, shown];
    reveal(shown);
    hide(spare);
  };

  return {
    loaded: async () => { await whenLoaded(shown); join(shown); },
    shown: () => shown,
    editor: () => editorOf(shown),
    open: (options) => openIn(shown, options),
    close,
    prepare,
    prepared: () => ready,
    swap,
  };
};
