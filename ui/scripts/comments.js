/* Threads of remarks on the work that is open: [data-action=comments] opens and shuts them.
 *
 * Templates: tasks/comments.html. Listens to "jinbiao:opened" and "jinbiao:region"; a page that was
 * opened with ?region=…&comment=… shows both.
 */
"use strict";

(() => {
  const main = document.getElementById("workbench");
  const panel = document.querySelector("[data-comments]");
  if (!main || !panel) return;

  const WORDS = JSON.parse(document.getElementById("comment-words").textContent);
  const WHEN = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });
  const fill = (word, values = {}) => WORDS[word].replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  const find = (name) => panel.querySelector(`[data-${name}]`);
  const content = find("content");
  const form = find("write");
  const text = form.querySelector("textarea");
  const list = panel.querySelector("#mentioned");
  const me = JSON.parse(main.dataset.user);
  const asked = new URLSearchParams(location.search);

  let task = null;
  let region = null; // the id of the selected region
  let said = []; // the comments of the task
  let target = null; // {parent} or {edited} while somebody answers or changes
  let people = null; // the promise of whom one can mention
  let came = null;
  let isFirst = true;

  const ask = (...given) => window.JinbiaoWorkbench.ask(...given);
  const annotation = () => task?.annotation ?? task?.annotations?.[0] ?? null;
  const regionOf = (comment) => comment.region_ref?.regionId ?? null;
  const threads = () => said.filter((each) => each.parent === null);
  const make = (tag, name, words) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (words !== undefined) made.textContent = words;
    return made;
  };
  const why = (problem) => (problem.status === 0 ? WORDS.unreachable : problem.message);

  // ---------------------------------------------------------------- what was said

  const load = async () => {
    const current = task;
    said = [];
    draw();
    if (!annotation()) return;
    try {
      const found = await ask("GET", `/api/comments/?task=${current.id}`);
      if (task !== current) return;
      const shown = new Set((current.annotations ?? [current.annotation]).map((each) => each.id));
      said = found.filter((each) => shown.has(each.annotation));
      draw();
    } catch (problem) {
      if (task === current) content.replaceChildren(make("p", "watch", fill("unread", { detail: why(problem) })));
    }
  };

  const badge = () => {
    const open = threads().filter((each) => !each.is_resolved).length;
    for (const button of document.querySelectorAll('[data-action="comments"]')) {
      let shown = button.querySelector("[data-badge]");
      if (!shown) {
        shown = make("b", "unread");
        shown.dataset.badge = "";
        button.append(" ", shown);
      }
      shown.hidden = !open;
      shown.textContent = open;
      button.title = fill("count", { number: open });
    }
  };

  const button = (word, act) => {
    const made = make("button", "btn-link", WORDS[word]);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  /* The words with those whom they mention made bold; never as markup. */
  const words = (comment) => {
    const shown = make("p", "lines");
    for (const part of comment.text.split(/(@[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63})/)) {
      shown.append(part.startsWith("@") ? make("b", "", part) : part);
    }
    return shown;
  };

  const remark = (comment) => {
    const shown = make("div", "remark");
    shown.id = `remark-${comment.id}`;
    const head = make("p", "small quiet");
    head.append(make("b", "", comment.author), " ", WHEN.format(new Date(comment.created_at)));
    shown.append(head, words(comment));
    const acts = make("p", "small acts");
    if (comment.created_by === me.id) {
      acts.append(button("change", () => write({ edited: comment })));
      if (!said.some((each) => each.parent === comment.id)) acts.append(button("delete", () => act("DELETE", comment)));
    }
    shown.append(acts);
    return shown;
  };

  const thread = (first) => {
    const shown = make("section", "thread");
    shown.toggleAttribute("data-settled", first.is_resolved);
    shown.toggleAttribute("data-here", region !== null && regionOf(first) === region);
    const acts = make("p", "small acts");
    shown.append(remark(first), ...said.filter((each) => each.parent === first.id).map(remark));
    if (regionOf(first)) acts.append(button("go", () => window.JinbiaoWorkbench.selectRegion(regionOf(first))));
    acts.append(button("reply", () => write({ parent: first })));
    acts.append(button(first.is_resolved ? "reopen" : "resolve", () => act("PATCH", first, { is_resolved: !first.is_resolved })));
    if (first.is_resolved) acts.append(make("span", "quiet", WORDS.settled));
    shown.append(acts);
    return shown;
  };

  const draw = () => {
    badge();
    about();
    if (!annotation()) {
      content.replaceChildren(make("p", "quiet", WORDS.later));
      return;
    }
    const onlyOpen = find("only-open").checked;
    const rows = threads().filter((each) => !onlyOpen || !each.is_resolved);
    // Those on the selected region come first.
    rows.sort((one, other) => (regionOf(other) === region) - (regionOf(one) === region) || one.id - other.id);
    if (rows.length) content.replaceChildren(...rows.map(thread));
    else content.replaceChildren(make("p", "quiet", said.length ? WORDS.none_open : WORDS.none));
  };

  const act = async (method, comment, body) => {
    find("problem").textContent = "";
    try {
      await ask(method, `/api/comments/${comment.id}/`, body);
      await load();
    } catch (problem) {
      find("problem").textContent = problem.status === 0 ? WORDS.offline : fill("failed", { detail: problem.message });
    }
  };

  // --------------------------------------------------------------------- writing

  const about = () => {
    form.hidden = !annotation();
    let words = WORDS[region === null ? "whole" : "region"];
    if (target?.parent) words = fill("answer", { name: target.parent.author });
    if (target?.edited) words = WORDS.edit;
    find("about").textContent = words;
    find("undo").hidden = !target;
  };

  const write = (wanted) => {
    target = wanted;
    text.value = wanted?.edited?.text ?? "";
    about();
    text.focus();
  };

  const send = async () => {
    const body = { text: text.value };
    let method = "POST";
    let path = "/api/comments/";
    if (target?.edited) {
      method = "PATCH";
      path = `/api/comments/${target.edited.id}/`;
    } else {
      body.annotation = target?.parent?.annotation ?? annotation().id;
      if (target?.parent) body.parent = target.parent.id;
      else if (region !== null) body.region_ref = { regionId: region };
    }
    const pressed = form.querySelector('[type="submit"]');
    pressed.disabled = true;
    find("problem").textContent = "";
    try {
      await ask(method, path, body);
      target = null;
      text.value = "";
      await load();
    } catch (problem) {
      find("problem").textContent = problem.status === 0 ? WORDS.offline : fill("failed", { detail: problem.message });
    }
    pressed.disabled = false;
  };

  // ------------------------------------------------------------------- mentioning

  const begun = () => /(?:^|[^A-Za-z0-9_.@-])@([A-Za-z0-9_.-]{0,40})$/.exec(text.value.slice(0, text.selectionStart))?.[1];

  const shutList = () => { list.hidden = true; };

  const suggest = async () => {
    const start = begun();
    if (start === undefined || !annotation()) return shutList();
    people ??= ask("GET", `/api/comments/people/?annotation=${annotation().id}`).catch(() => { people = null; return []; });
    const known = await people;
    if (begun() !== start) return undefined;
    const wanted = start.toLowerCase();
    const rows = known.filter(({ username, name }) => username.toLowerCase().startsWith(wanted) || name.toLowerCase().includes(wanted)).slice(0, 8);
    list.replaceChildren(...rows.map(({ username, name }, place) => {
      const row = make("li", "", `${name} @${username}`);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", place === 0);
      row.dataset.username = username;
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(row); });
      return row;
    }));
    list.hidden = !rows.length;
    return undefined;
  };

  const take = (row) => {
    const at = text.selectionStart;
    const before = text.value.slice(0, at - begun().length) + row.dataset.username + " ";
    text.value = before + text.value.slice(at);
    text.setSelectionRange(before.length, before.length);
    shutList();
  };

  const move = (step) => {
    const rows = [...list.children];
    const now = rows.findIndex((each) => each.getAttribute("aria-selected") === "true");
    rows.forEach((each, place) => each.setAttribute("aria-selected", place === (now + step + rows.length) % rows.length));
  };

  text.addEventListener("input", suggest);
  text.addEventListener("blur", shutList);
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (!list.hidden && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") shutList();
      else if (event.key.startsWith("Arrow")) move(event.key === "ArrowDown" ? 1 : -1);
      else take(list.querySelector('[aria-selected="true"]'));
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  // -------------------------------------------------------------------- the panel

  const open = () => {
    came = document.activeElement;
    panel.hidden = false;
    draw();
    content.focus();
  };
  const shut = () => {
    panel.hidden = true;
    came?.focus?.();
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  find("undo").addEventListener("click", () => write(null));
  find("only-open").addEventListener("change", draw);
  find("shut").addEventListener("click", shut);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
    event.stopPropagation(); // its keys are not the work's
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[data-action="comments"]')) (panel.hidden ? open : shut)();
  });

  main.addEventListener("jinbiao:opened", async (event) => {
    task = event.detail.task;
    region = null;
    target = null;
    people = null;
    text.value = "";
    await load();
    if (!isFirst) return;
    isFirst = false;
    if (asked.get("region")) window.JinbiaoWorkbench.selectRegion(asked.get("region"));
    if (asked.get("comment")) {
      find("only-open").checked = false;
      open();
      panel.querySelector(`#remark-${Number(asked.get("comment"))}`)?.scrollIntoView({ block: "center" });
    }
  });
  main.addEventListener("jinbiao:region", (event) => {
    region = event.detail.id;
    draw();
  });
})();
