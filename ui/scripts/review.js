/* The review page: what an annotation is compared with, difference by difference, and reasons.
 *
 * <details data-compare> with [data-compare-stage], [data-compare-maker], [data-compare-count],
 * [data-compare-objection], [data-compare-tabs], [data-compare-said], <ul data-compare-list>
 * <form data-reason> with fields "reason", "code" and buttons [data-pick=code][data-text]
 * <script type="application/json" id="review-words">    the texts, translated
 * <script type="application/json" id="labels">          {label: {title, color}}
 * A difference that is in the annotation is selected in the editor when it is pressed; where a
 * region was before is drawn beside its name, dashed.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const panel = main?.querySelector("[data-compare]");
  if (!panel) return;

  const SVG = "http://www.w3.org/2000/svg";
  const MOST = 500; // differences that are listed
  const SIGNS = { added: "+", removed: "−", changed: "~" };
  const words = JSON.parse(document.getElementById("review-words")?.textContent || "{}");
  const part = (name) => panel.querySelector(`[data-compare-${name}]`);
  const fill = (text, values) => (text || "").replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  const labels = JSON.parse(document.getElementById("labels")?.textContent || "{}");
  let sheet = null;
  let task = null;

  const made = (tag, text = "", className = "") => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  // ------------------------------------------------------------------- one difference

  /* Return the outline of a region in percent of the picture; null for what is no region. */
  const outline = ({ value = {} }) => {
    const element = (name, attributes) => {
      const drawn = document.createElementNS(SVG, name);
      for (const [key, each] of Object.entries(attributes)) drawn.setAttribute(key, each);
      return drawn;
    };
    if (Array.isArray(value.points) && Array.isArray(value.points[0])) {
      return element("polygon", { points: value.points.map(([x, y]) => `${x},${y}`).join(" ") });
    }
    if (value.radiusX !== undefined) {
      return element("ellipse", { cx: value.x, cy: value.y, rx: value.radiusX, ry: value.radiusY });
    }
    if (value.width !== undefined && value.height !== undefined && value.x !== undefined) {
      const turn = value.rotation ? { transform: `rotate(${value.rotation} ${value.x} ${value.y})` } : {};
      return element("rect", { x: value.x, y: value.y, width: value.width, height: value.height, ...turn });
    }
    return null;
  };

  const drawing = (before, after) => {
    const shapes = [[before, "before"], [after, "after"]]
      .map(([region, name]) => [region && outline(region), name])
      .filter(([shape]) => shape);
    if (!shapes.length) return null;
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", "0 0 100 100");
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("aria-hidden", "true");
    for (const [shape, name] of shapes) {
      shape.setAttribute("class", name);
      picture.append(shape);
    }
    return picture;
  };

  const labelOf = (region) => {
    const told = region?.value?.[region.type];
    if (!Array.isArray(told)) return String(told ?? region?.type ?? "");
    const title = (label) => labels[label]?.title ?? label;
    // A way through a tree is a list of its own.
    return told.map((each) => [each].flat().map(title).join(" / ")).join(", ");
  };

  /* Return the marked words of a text, as far as they are known. */
  const quote = (region) => {
    const { text, start, end } = region?.value ?? {};
    if (typeof text === "string") return text;
    const whole = Object.values(task?.data ?? {}).find((each) => typeof each === "string" && each.length >= end);
    return Number.isInteger(start) && Number.isInteger(end) && whole ? [...whole].slice(start, end).join("") : "";
  };

  const item = (kind, before, after, what = []) => {
    const line = made("li");
    line.dataset.kind = kind;
    const shown = after ?? before;
    const button = made("button", "", "difference");
    button.type = "button";
    button.append(made("b", SIGNS[kind]), made("span", words[kind], "visually-hidden"));
    const drawn = drawing(before, after);
    if (drawn) button.append(drawn);
    const was = before && after && labelOf(before) !== labelOf(after) ? `${labelOf(before)} → ` : "";
    button.append(made("span", was + labelOf(shown)));
    const said = quote(shown);
    if (said) button.append(made("q", said.slice(0, 60)));
    if (what.length) button.append(made("small", what.map((each) => words[each] ?? each).join(", ")));
    // What is only on the other side is not in the editor.
    button.disabled = !after;
    button.dataset.region = after?.id ?? "";
    line.append(button);
    return line;
  };

  // ------------------------------------------------------------------------ the sides

  const nameOf = (side, place) => {
    const reviewers = sheet.sides.slice(0, place + 1).filter(({ kind }) => kind === "review").length;
    return fill(words[side.kind], { letter: "ABCDEFGH"[reviewers - 1] ?? reviewers });
  };

  const compare = (place) => {
    const side = sheet.sides[place];
    const { added, removed, changed } = side.differences;
    const list = part("list");
    [...part("tabs").children].forEach((tab, number) => tab.setAttribute("aria-selected", String(number === place)));
    part("count").textContent = added.length + removed.length + changed.length
      ? fill(words.number, { added: added.length, removed: removed.length, changed: changed.length })
      : words.same;
    const said = [words[side.verdict], side.reason].filter(Boolean).join(": ");
    part("said").textContent = said;
    part("said").hidden = !said;
    list.replaceChildren(...[
      ...changed.map((each) => item("changed", each.before, each.after, each.what)),
      ...added.map((each) => item("added", null, each)),
      ...removed.map((each) => item("removed", each, null)),
    ].slice(0, MOST));
  };

  const show = () => {
    part("stage").textContent = words.stages[sheet.stage] ?? "";
    part("maker").textContent = sheet.maker ? fill(words.by, { name: sheet.maker }) : "";
    part("objection").textContent = sheet.objections.length ? `${words.objection}: ${sheet.objections.join("; ")}` : "";
    part("objection").hidden = !sheet.objections.length;
    part("tabs").replaceChildren(...sheet.sides.map((side, place) => {
      const tab = made("button", nameOf(side, place), "btn btn-plain btn-small");
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => compare(place));
      return tab;
    }));
    part("said").hidden = true;
    part("list").replaceChildren();
    part("count").textContent = sheet.sides.length ? "" : words.alone;
    if (sheet.sides.length) compare(0);
    panel.hidden = false;
  };

  // -------------------------------------------------------------------------- events

  main.addEventListener("jinbiao:opened", async ({ detail }) => {
    panel.hidden = true;
    task = detail.task;
    const id = task?.annotations?.[0]?.id;
    if (!id) return;
    try {
      const found = await window.JinbiaoWorkbench.ask("GET", `/api/annotations/${id}/review_sheet`);
      if (task !== detail.task) return;
      sheet = found;
      show();
    } catch {
      // Without it the annotation can be judged all the same.
    }
  });

  panel.addEventListener("click", (event) => {
    const { region } = event.target.closest(".difference")?.dataset ?? {};
    if (region) window.JinbiaoWorkbench.selectRegion(region);
  });

  const form = main.querySelector("[data-reason]");
  form?.addEventListener("click", (event) => {
    const picked = event.target.closest("[data-pick]");
    if (!picked) return;
    form.elements.reason.value = picked.dataset.text;
    form.elements.code.value = picked.dataset.pick;
    form.elements.reason.focus();
  });
  form?.addEventListener("reset", () => { form.elements.code.value = ""; });
})();
