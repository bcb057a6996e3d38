/* Bring files and whole folders in pieces (tus), several at once: what was sent stays sent when the
 * network or the tab goes away. Each file says how far it is; all of them become one job. */
"use strict";

(() => {
  const box = document.querySelector("[data-bring]");
  if (!box) return;
  const words = JSON.parse(document.getElementById("bring-words").textContent);
  const { endpoint, batches, kind, target, csrf, job } = box.dataset;
  const KEPT = `jinbiao-bring-${kind}-${target}`;
  const AT_ONCE = 3;
  const PIECE = 8 * 1024 * 1024;
  const SHOWN = 200;
  const list = box.querySelector("[data-list]");
  const sum = box.querySelector("[data-sum]");
  const bar = box.querySelector("[data-all]");
  const buttons = Object.fromEntries([...box.querySelectorAll("button[data-do]")].map((each) => [each.dataset.do, each]));
  const files = [];
  const running = new Set();
  // Paths and lengths that an earlier page sent of this batch.
  const there = new Set();
  let paused = false;
  let away = false;
  // In a form the job begins when its button is pressed, for it has more to say.
  const form = box.closest("form");
  let asked = !form;
  let bringing = false;
  let ended = 0;
  let failed = 0;
  let total = 0;
  let sent = 0;

  // One batch for a target until it was brought, also after the tab was closed.
  const batch = () => {
    let found = localStorage.getItem(KEPT);
    if (!found) {
      found = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2, 12)}`;
      localStorage.setItem(KEPT, found);
    }
    return found;
  };

  const size = (number) => {
    let amount = number;
    for (const unit of ["B", "kB", "MB"]) {
      if (amount < 1000) return `${amount.toFixed(unit === "B" ? 0 : 1)} ${unit}`;
      amount /= 1000;
    }
    return `${amount.toFixed(1)} GB`;
  };

  const put = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);

  const part = (tag, name, text) => {
    const found = document.createElement(tag);
    if (name) found.className = name;
    if (text !== undefined) found.textContent = text;
    return found;
  };

  const row = (entry) => {
    entry.line = part("li");
    const head = part("div", "apart");
    head.append(part("b", "clip", entry.path));
    entry.told = part("span", "quiet nowrap", size(entry.file.size));
    head.append(entry.told);
    entry.bar = part("progress");
    entry.bar.max = Math.max(entry.file.size, 1);
    entry.bar.value = 0;
    entry.line.append(head, entry.bar);
    list.append(entry.line);
  };

  let due = false;
  // Thousands of files tell of themselves at once: the page is drawn once in a while.
  const redraw = () => {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      bar.max = Math.max(total, 1);
      bar.value = sent;
      const left = files.length - ended - failed;
      sum.textContent = put(words.sum, { done: ended, all: files.length, failed, sent: size(sent), total: size(total) });
      const beyond = files.length - SHOWN;
      box.querySelector("[data-more]").textContent = beyond > 0 ? put(words.more, { number: beyond }) : "";
      buttons.pause.hidden = !left || !files.length;
      buttons.pause.textContent = paused ? words.resume : words.pause;
      buttons.again.hidden = !failed || left > 0;
      buttons.finish.hidden = Boolean(form) || !ended || left > 0;
      box.querySelector("[data-status]").hidden = !files.length;
    }, 150);
  };

  const say = (message) => {
    const place = box.querySelector("[data-problem]");
    place.textContent = message;
    place.hidden = !message;
  };

  // What the server says of a fault, in the reader's language.
  const reason = (error) => {
    const response = error.originalResponse;
    if (!response) return words.away;
    try {
      const told = JSON.parse(response.getBody());
      const more = Object.values(told.validation_errors ?? {}).flat();
      return more.length ? more.join(" ") : told.detail;
    } catch {
      return put(words.status, { status: response.getStatus() });
    }
  };

  const settle = (entry, state, message) => {
    entry.state = state;
    running.delete(entry);
    if (state === "done") ended += 1;
    if (state === "failed") failed += 1;
    if (entry.told) {
      entry.told.textContent = message;
      entry.line.dataset.state = state;
    } else if (state === "failed") {
      row(entry);
      entry.told.textContent = message;
      entry.line.dataset.state = state;
    }
    // What is done need not be looked at; what failed stays.
    if (state === "done" && files.length > SHOWN) entry.line?.remove();
    redraw();
    next();
  };

  // Without a network nothing fails: it waits until there is one again.
  const wait = (entry) => {
    entry.state = "waiting";
    running.delete(entry);
    away = true;
    say(words.away);
    redraw();
  };

  const moved = (entry, bytes) => {
    sent += bytes - entry.sent;
    entry.sent = bytes;
    if (entry.bar) entry.bar.value = bytes;
    redraw();
  };

  const begin = (entry) => {
    entry.state = "running";
    running.add(entry);
    if (!entry.line && list.children.length < SHOWN) row(entry);
    const upload = new tus.Upload(entry.file, {
      endpoint,
      chunkSize: PIECE,
      // A small file takes one request.
      uploadDataDuringCreation: true,
      retryDelays: [0, 1000, 3000, 5000, 10000, 20000],
      headers: { "X-CSRFToken": csrf, Accept: "application/json" },
      metadata: { filename: entry.path, [kind]: target, batch: batch() },
      // The same file for the same target is the same upload, whichever tab sends it.
      fingerprint: async (file) => ["jinbiao", kind, target, batch(), entry.path, file.size, file.lastModified].join("|"),
      removeFingerprintOnSuccess: true,
      onProgress: (bytes) => moved(entry, bytes),
      onError: (error) => {
        if (!error.originalResponse && navigator.onLine === false) {
          wait(entry);
          return;
        }
        settle(entry, "failed", reason(error));
      },
      onSuccess: () => {
        moved(entry, entry.file.size);
        settle(entry, "done", words.done);
      },
    });
    entry.upload = upload;
    upload.findPreviousUploads().then((earlier) => {
      if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
      if (entry.state === "running") upload.start();
    });
  };

  const next = () => {
    while (!paused && !away && running.size < AT_ONCE) {
      const entry = files.find((each) => each.state === "waiting");
      if (!entry) break;
      begin(entry);
    }
    if (asked && !running.size && !paused && ended && !failed && files.every((each) => each.state === "done")) finish();
  };

  const add = async (found) => {
    await ready;
    const known = new Set(files.map((each) => `${each.path}|${each.file.size}|${each.file.lastModified}`));
    found.sort((one, other) => (one.path < other.path ? -1 : 1));
    for (const { file, path } of found) {
      // What operating systems leave behind is nobody's material.
      if (path.split("/").some((name) => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini")) continue;
      if (known.has(`${path}|${file.size}|${file.lastModified}`)) continue;
      const entry = { file, path, state: "waiting", sent: 0 };
      files.push(entry);
      total += file.size;
      if (there.has(`${path}|${file.size}`)) {
        entry.state = "done";
        ended += 1;
        sent += file.size;
        continue;
      }
      if (list.children.length < SHOWN) row(entry);
    }
    say(files.length ? "" : words.nothing);
    redraw();
    next();
  };

  const finish = () => {
    if (bringing) return;
    bringing = true;
    const options = {};
    for (const field of document.querySelectorAll("[data-option]")) {
      const value = field.type === "checkbox" ? field.checked : field.value;
      if (value) options[field.dataset.option] = value;
    }
    fetch(batches + batch(), {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify(options),
    })
      .then(async (answer) => {
        const told = await answer.json();
        if (!answer.ok) throw new Error(Object.values(told.validation_errors ?? {}).flat().join(" ") || told.detail);
        localStorage.removeItem(KEPT);
        location.assign(job.replace("JOB", told.id));
      })
      .catch((problem) => {
        bringing = false;
        asked = !form;
        for (const button of form?.querySelectorAll("[type=submit]") ?? []) button.disabled = false;
        say(problem instanceof TypeError ? words.away : problem.message);
        redraw();
      });
  };

  // Folders are read a hundred entries at a time until there are no more.
  const entries = (reader) =>
    new Promise((done, refuse) => {
      reader.readEntries(done, refuse);
    });
  const walk = async (entry, folder, found) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isFile) {
      found.push({ path, file: await new Promise((done, refuse) => entry.file(done, refuse)) });
      return;
    }
    const reader = entry.createReader();
    for (let some = await entries(reader); some.length; some = await entries(reader)) {
      for (const each of some) await walk(each, path, found);
    }
  };

  const dropped = async (transfer) => {
    const found = [];
    const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (roots.length) {
      for (const root of roots) {
        try {
          await walk(root, "", found);
        } catch {
          say(put(words.unreadable, { name: root.name }));
        }
      }
    } else {
      for (const file of transfer.files) found.push({ file, path: file.name });
    }
    add(found);
  };

  const zone = box.querySelector("[data-drop]");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    dropped(event.dataTransfer);
  });
  for (const input of box.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      add([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      input.value = "";
    });
  }

  buttons.pause.addEventListener("click", () => {
    paused = !paused;
    if (paused) {
      for (const entry of running) {
        entry.upload?.abort();
        entry.state = "waiting";
      }
      running.clear();
    }
    redraw();
    next();
  });
  buttons.again.addEventListener("click", () => {
    for (const entry of files.filter((each) => each.state === "failed")) {
      entry.state = "waiting";
      if (entry.line) delete entry.line.dataset.state;
      failed -= 1;
    }
    redraw();
    next();
  });
  buttons.finish.addEventListener("click", finish);
  form?.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      asked = true;
      for (const button of form.querySelectorAll("[type=submit]")) button.disabled = files.length > 0;
      if (!files.length) say(words.nothing);
      next();
    },
    true,
  );
  addEventListener("online", () => {
    away = false;
    say("");
    if (!buttons.again.hidden) buttons.again.click();
    next();
  });
  addEventListener("beforeunload", (event) => {
    if (running.size && !paused) event.preventDefault();
  });

  // Whoever comes back is told what is half-way, and chooses the same files again.
  const told = (open, stored) => {
    const note = box.querySelector("[data-earlier]");
    note.hidden = false;
    note.querySelector("span").textContent = put(words.earlier, { stored, open: open.length });
    const names = note.querySelector("ul");
    for (const each of open.slice(0, 10)) names.append(part("li", "", `${each.name} · ${size(each.received)} / ${size(each.length)}`));
    note.querySelector("button").hidden = !stored;
    note.querySelector("button").addEventListener("click", finish);
  };
  const lookBack = async () => {
    const earlier = localStorage.getItem(KEPT);
    if (!earlier) return;
    const open = [];
    for (let after = 0, rows = [null]; rows.length; after = rows.at(-1)?.id) {
      const answer = await fetch(`${endpoint}?batch=${encodeURIComponent(earlier)}&page_size=1000&after=${after}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      rows = await answer.json();
      for (const each of rows) {
        if (each.state === "stored") there.add(`${each.name}|${each.length}`);
        if (each.state === "open") open.push(each);
      }
    }
    if (open.length || there.size) told(open, there.size);
    else localStorage.removeItem(KEPT);
  };
  const ready = lookBack().catch(() => {});
  for (const plain of document.querySelectorAll("[data-plain]")) plain.hidden = true;
  for (const input of document.querySelectorAll("[data-plain] input")) input.disabled = true;
  box.hidden = false;
})();
