/* The labelling editor in a frame of its own, driven by the page around it.
 *
 * Loaded before the bundle (ui/build/editor.py), which defines window.LabelStudio. The page calls
 * window.JinbiaoEditor directly (same origin) and sets the callbacks it wants:
 *   onReady(result)            a task is open; its result as the editor writes it
 *   onChange(result)           the labels changed
 *   onDraft(result)            the editor itself wants a draft kept
 *   onRegion(id)               a region was selected, or none (null)
 *   onSuggest(context)         something was pointed at with a smart tool; may return a promise of
 *                              regions to suggest
 *   onSubmit(result), onUpdate(result), onSkip(), onAccept(result), onReject(result)
 * Those of the last line may return a promise; the editor's buttons rest until it settles.
 */
"use strict";

window.APP_SETTINGS = {
  hostname: location.origin,
  feature_flags: {},
  feature_flags_default_value: false,
  user: null,
};

(() => {
  const INTERFACES = [
    "panel", "update", "submit", "skip", "controls", "infobar", "topbar", "instruction",
    "side-column", "annotations:history", "annotations:current", "annotations:tabs",
    "predictions:tabs", "predictions:menu", "edit-history",
  ];
  const WATCH = 150; // ms between two looks at the history of changes
  const root = () => document.getElementById("editor");

  let instance = null; // the LabelStudio object
  let store = null; // its state tree
  let opened = null; // what open() was given last
  let composing = false; // an input method is at work
  let seen = null; // the history the last look saw
  let watch = 0;
  let region = null; // the id of the region that was selected last
  let pointer = null; // the label of a smart tool that was chosen last
  let chosen = ""; // the controls a label was chosen of when we looked last

  const selected = () => store?.annotationStore?.selected ?? null;

  /* What a smart tool draws only says what is meant: it is no part of the answer. */
  const pointers = (annotation) => new Set(
    annotation.regions.filter((each) => each.dynamic && !each.fromSuggestion).map((each) => each.cleanId),
  );

  const result = () => {
    const annotation = selected();
    if (!annotation || annotation.type === "prediction") return [];
    const left = pointers(annotation);
    return annotation.serializeAnnotation().filter(({ id, from_name: name }) => (
      !left.has(id) && !annotation.names.get(name)?.smartonly
    ));
  };

  const call = (name, ...values) => window.JinbiaoEditor[name]?.(...values);

  const lookAtRegion = () => {
    const chosen = selected()?.selectedRegions ?? [];
    const id = chosen.length === 1 ? chosen[0].cleanId : null;
    if (id === region) return;
    region = id;
    call("onRegion", id);
  };

  /* Select a region by its id, as a click on it does; tell whether it is there. */
  const selectRegion = (id) => {
    const annotation = selected();
    const found = annotation?.regions.find((each) => each.cleanId === id);
    if (!found) return false;
    annotation.unselectAll();
    annotation.selectArea(found);
    lookAtRegion();
    return true;
  };

  /* The state tree replaces the list of states at every change and moves the index at undo and
   * redo: comparing these costs nothing, writing the result out at every look would. */
  const look = () => {
    lookAtRegion();
    const history = selected()?.history;
    if (!history || composing || history.isFrozen) return;
    if (seen && seen.annotation === selected() && seen.index === history.undoIdx
      && seen.states === history.history) return;
    const same = seen?.annotation === selected();
    seen = { annotation: selected(), index: history.undoIdx, states: history.history };
    if (!same) return;
    selected().saveDraftImmediately?.(); // lets the editor enable its own Update button
    call("onChange", result());
  };

  const lookSoon = () => setTimeout(() => {
    takeTool();
    look();
  });

  // ---------------------------------------------------------------- suggestions

  const isSmart = (config) => /\ssmart(only)?\s*=\s*["']true["']/i.test(config);

  const suggestions = () => selected()?.suggestions;

  /* Ask for what the points or boxes in the group mean; what comes for another task is dropped. */
  const suggest = (group) => {
    const annotation = selected();
    if (!annotation || annotation.isReadOnly()) return;
    const ids = new Set(group.map((each) => each.cleanId));
    const drawn = annotation.serializeAnnotation().filter(({ id }) => ids.has(id));
    if (!drawn.length) {
      if (suggestions()?.size) annotation.rejectAllSuggestions();
      return;
    }
    const turn = opened;
    const answer = Promise.resolve(call("onSuggest", { result: drawn })).then((regions) => {
      if (turn !== opened || annotation !== selected()) throw new Error("another task is open");
      return regions ?? [];
    });
    store.loadSuggestions(answer, (regions) => {
      // Else what is suggested would take that label too.
      pointer?.setSelected(false);
      setTimeout(keepPointing);
      return regions;
    });
    keepPointing();
  };

  /* Whoever chooses a label of a smart control means its tool, and with another label that one's:
   * the editor itself leaves whichever tool was taken last. */
  const takeTool = () => {
    const annotation = selected();
    if (!annotation || !isSmart(opened?.config ?? "")) return;
    const controls = [...annotation.names.values()].filter((each) => each.isControlTag && each.isSelected);
    const control = controls.at(-1);
    if (!control) return;
    pointer = control.smartonly ? control.selectedLabels?.[0] ?? null : null;
    const names = controls.map((each) => each.name).join();
    if (names === chosen) return;
    chosen = names;
    const manager = annotation.names.get(control.toname)?.getToolsManager?.();
    const tool = Object.values(manager?.tools ?? {}).find(
      (each) => each.control === control && Boolean(each.dynamic) === Boolean(control.smartonly),
    );
    if (tool && manager.findSelectedTool() !== tool) manager.selectTool(tool, true);
  };

  /* The editor forgets the label with each region; a second point would need it chosen again. */
  const keepPointing = () => {
    const annotation = selected();
    if (!pointer || !annotation || annotation.selectedRegions.length) return;
    const controls = [...annotation.names.values()].filter((each) => each.isControlTag);
    if (!controls.some((each) => each.isSelected)) pointer.setSelected(true);
  };

  const isTyping = ({ target }) => target.closest?.("input, textarea, select, [contenteditable=true]");

  const decide = (event) => {
    if (!suggestions()?.size || composing || isTyping(event)) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Enter") {
      pointer?.setSelected(false);
      selected().acceptAllSuggestions();
    } else if (event.key === "Escape") selected().rejectAllSuggestions();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    keepPointing();
    lookSoon();
  };

  /* Choose what the person works on: what was kept, else the annotation, else the prediction. */
  const begin = () => {
    const { annotationStore } = store;
    const { draft, readonly } = opened;
    let annotation = annotationStore.annotations[0] ?? null;
    if (!annotation && !draft && annotationStore.predictions.length) {
      annotation = annotationStore.addAnnotationFromPrediction(annotationStore.predictions[0]);
    }
    if (!annotation) annotation = annotationStore.createAnnotation();
    annotationStore.selectAnnotation(annotation.id);
    if (draft) {
      annotation.deleteAllRegions({ deleteReadOnly: true });
      annotation.deserializeResults(draft);
      annotation.unselectAll(); // thousands of selected regions would take it minutes to frame
      annotation.reinitHistory();
    }
    annotation.setReadonly(Boolean(readonly));
  };

  /* Loading objects (image, text) writes to the tree a little later: what is there then is the
   * state to compare with, not a change. */
  const settle = async (turn) => {
    begin();
    for (let quiet = 0, states = null, index = 0; quiet < 2 && index < 40; index += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (turn !== opened) return;
      const history = selected()?.history;
      const ready = (selected()?.objects ?? []).every((object) => object.isReady !== false);
      quiet = ready && history?.history === states ? quiet + 1 : 0;
      states = history?.history ?? null;
    }
    seen = null;
    look();
    clearInterval(watch);
    watch = setInterval(look, WATCH);
    call("onReady", result());
  };

  const labelStudioTask = (task) => ({
    id: task.id,
    data: task.data,
    annotations: (task.annotations ?? []).map((each) => ({ id: String(each.id), result: each.result })),
    predictions: (task.predictions ?? []).map((each) => ({
      id: String(each.id),
      result: each.result,
      score: each.score ?? null,
      model_version: each.model_version ?? "",
    })),
  });

  /* The decoder "ffmpeg" evaluates strings, which our policy forbids; the browser's own decodes
   * the same files but for rare formats. */
  const playable = (config) => config.replace(/(<Audio\b[^>]*\sdecoder=["'])ffmpeg/gi, "$1webaudio");

  const construct = (task) => {
    const { config, user, interfaces, readonly, keymap, suggests = true } = opened;
    const smart = suggests && isSmart(config) && !readonly;
    // On until the person switches it off: they need not look for the switch.
    if (smart && localStorage.getItem("autoAnnotation") === null) localStorage.setItem("autoAnnotation", "true");
    const element = document.createElement("div");
    element.id = "label-studio";
    root().replaceChildren(element);
    return new Promise((resolve) => {
      instance = new window.LabelStudio(element, {
        config: playable(config),
        task,
        user: { pk: user.id, firstName: "", lastName: "", email: "", ...user },
        keymap,
        interfaces: [...(interfaces ?? INTERFACES), ...(smart ? ["auto-annotation"] : [])],
        onLabelStudioLoad: (loaded) => {
          store = loaded.annotationStore ? loaded : loaded.store;
          setTimeout(resolve); // else the prediction stays selected, read-only
        },
        onSubmitAnnotation: () => call("onSubmit", result()),
        onUpdateAnnotation: () => call("onUpdate", result()),
        onAcceptAnnotation: () => call("onAccept", result()),
        onRejectAnnotation: () => call("onReject", result()),
        onSkipTask: () => call("onSkip"),
        onSubmitDraft: async () => {
          if (seen) call("onDraft", result());
          return { id: 0 };
        },
        onEntityCreate: lookSoon,
        onEntityDelete: lookSoon,
      });
      if (smart) instance.on("regionFinishedDrawing", (_region, group) => suggest(group));
    });
  };

  const close = () => {
    clearInterval(watch);
    instance?.destroy?.();
    instance = store = opened = seen = null;
    root().replaceChildren();
  };

  /* Show a task; the instance is used again when only the task is another. */
  const open = async (options) => {
    const before = opened;
    opened = options;
    seen = null;
    region = null;
    chosen = "";
    pointer = null;
    clearInterval(watch);
    const task = labelStudioTask(options.task);
    const interfaces = JSON.stringify(options.interfaces);
    if (instance && before?.config === options.config
      && JSON.stringify(before.interfaces) === interfaces) {
      store.resetState();
      store.assignTask(task);
      store.initializeStore(task);
      await new Promise((resolve) => setTimeout(resolve));
    } else {
      if (instance) {
        close();
        opened = options;
      }
      await construct(task);
    }
    await settle(options);
  };

  window.JinbiaoEditor = {
    open,
    close,
    result,
    size: () => selected()?.regions.length ?? 0,
    submit: () => (selected()?.exists ? store.updateAnnotation() : store.submitAnnotation()),
    skip: () => store.skipTask({}),
    selectRegion,
    isComposing: () => composing,
  };

  /* Nothing may fire while an input method is composing: its Enter and its digits are not ours.
   * This listener is the first on the window, before the hotkeys of the editor. */
  const whileComposing = (event) => {
    if (event.isComposing || event.keyCode === 229) event.stopImmediatePropagation();
  };
  for (const type of ["keydown", "keypress", "keyup"]) {
    window.addEventListener(type, whileComposing, true);
  }
  window.addEventListener("keydown", decide, true);
  window.addEventListener("compositionstart", () => { composing = true; }, true);
  window.addEventListener("compositionend", () => { composing = false; lookSoon(); }, true);
  window.addEventListener("pointerup", lookSoon, true);
  window.addEventListener("keyup", lookSoon, true);
  window.addEventListener("pagehide", look);
})();
