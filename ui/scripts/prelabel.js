/* The pre-label that is hidden until the person asks for it: window.JinbiaoPrelabel(bench) gives
 *
 *   isHidden()                    whether there is one that is not shown
 *   comesFromPrediction(result)   whether work shows that its maker has seen one
 *   offerPrediction()             show the button for it, or hide that
 *   reveal()                      show it; where labels were made before, ask what to keep first
 *   showPrediction(made)          show it, with these labels beside it
 */
"use strict";

window.JinbiaoPrelabel = (bench) => {
  const { state, WORDS, find, say } = bench;

  // Answers about the whole task, not about a region of it.
  const WHOLE = new Set(["choices", "rating", "number", "taxonomy", "textarea", "datetime", "pairwise", "ranker"]);

  const comesFromPrediction = (result) => Boolean(result?.some((each) => each.origin?.startsWith("prediction")));

  const isHidden = () => Boolean(state.task?.predictions_hidden && !state.seesPrediction && !state.task.annotations?.length);

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
    if (!isHidden() || state.busy) return;
    const made = bench.editor().result();
    if (!made.length || !find("keep")) {
      showPrediction([]);
      return;
    }
    find("keep-text").textContent = WORDS.keep.replace("%(count)s", made.length);
    find("keep").hidden = false;
    find('action="both"').focus();
  };

  const showPrediction = async (made) => {
    if (!isHidden() || state.busy) return;
    state.seesPrediction = true;
    state.task = { ...state.task, predictions: state.task.hidden_predictions };
    offerPrediction();
    const current = state.task;
    await bench.frames.open(bench.optionsFor(state.task, made.length ? beside(state.task.predictions[0].result, made) : null));
    if (state.task !== current) return;
    bench.focusEditor();
    // What was kept until now is no longer what is shown.
    state.dirty = true;
    bench.writeCopy(true);
    state.draftTimer ||= setTimeout(bench.sendDraft, bench.DRAFT_AFTER);
    say("revealed");
  };

  return { isHidden, comesFromPrediction, offerPrediction, reveal, showPrediction };
};
