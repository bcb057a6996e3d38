/* Copy what stands in the same [data-copied] box as the button that is pressed. */
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = button.closest("[data-copied]").querySelector("pre, code");
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = button.dataset.copy;
  } catch {
    // Without a secure connection the clipboard is closed: select, so that Ctrl+C copies.
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return;
  }
  setTimeout(() => { button.textContent = before; }, 1600);
});
