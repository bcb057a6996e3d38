/* Say while a configuration is being written which of its hotkeys will not do what they say.
 *
 * <div data-key-warnings="id of the textarea" data-address="/api/labels/hotkeys" hidden><ul></ul></div>
 * inside a form with a csrf_token. It says nothing where the server cannot be asked. */
"use strict";

(() => {
  const AFTER = 500; // ms from the last key to the question
  for (const box of document.querySelectorAll("[data-key-warnings]")) {
    const area = document.getElementById(box.dataset.keyWarnings);
    const list = box.querySelector("ul");
    let timer = 0;
    let running = null; // the question that nobody has answered yet

    const show = (lines) => {
      list.replaceChildren(...lines.map((line) => {
        const item = document.createElement("li");
        item.textContent = line;
        return item;
      }));
      box.hidden = lines.length === 0;
    };

    const ask = async () => {
      running?.abort();
      const mine = running = new AbortController();
      try {
        const answer = await fetch(box.dataset.address, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRFToken": area.form.elements.csrf_token.value },
          body: JSON.stringify({ label_config: area.value }),
          signal: mine.signal,
        });
        if (answer.ok) show((await answer.json()).warnings);
      } catch (error) {
        if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
      }
    };

    area.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, AFTER);
    });
    if (area.value) ask();
  }
})();
