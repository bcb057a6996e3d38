/* Mark the labelled spans of a text: <p data-spans='[{type, value: {start, end}}]'>text</p>,
 * the labels' titles and colours from <script type="application/json" id="labels">. */
"use strict";

(() => {
  const labels = JSON.parse(document.getElementById("labels")?.textContent || "{}");

  for (const place of document.querySelectorAll("[data-spans]")) {
    const text = place.textContent;
    const spans = JSON.parse(place.dataset.spans || "[]")
      .map(({ type, value }) => ({ start: Number(value.start), end: Number(value.end), label: value[type]?.[0] }))
      .filter(({ start, end }) => start >= 0 && end > start && start < text.length)
      .sort((one, other) => one.start - other.start);
    if (!spans.length) continue;
    const parts = [];
    let at = 0;
    for (const { start, end, label } of spans) {
      if (start < at) continue; // spans that overlap are shown once
      const { title = label, color = "#1657b8" } = labels[label] || {};
      const marked = document.createElement("mark");
      marked.className = "span";
      marked.style.borderColor = color;
      marked.title = title || "";
      marked.textContent = text.slice(start, end);
      const name = document.createElement("small");
      name.style.color = color;
      name.textContent = ` ${title || ""}`;
      marked.append(name);
      parts.push(text.slice(at, start), marked);
      at = Math.min(end, text.length);
    }
    place.replaceChildren(...parts, text.slice(at));
  }
})();
