/* Say beside its place what the server refused of a part of a page that htmx asked for.
 *
 * An element with hx-* attributes has data-unreachable, the words for a server that does not
 * answer, and asks for JSON, so that a refusal comes as a sentence.
 */
"use strict";

(() => {
  const told = (text) => {
    try {
      return JSON.parse(text).detail;
    } catch {
      return "";
    }
  };

  const say = (element, text) => {
    const next = element.nextElementSibling;
    const line = next?.matches("[data-refused]") ? next : document.createElement("p");
    line.className = "small bad";
    line.dataset.refused = "";
    line.setAttribute("role", "alert");
    line.textContent = text;
    element.after(line);
  };

  const answered = ({ detail }) => {
    const { unreachable } = detail.elt.dataset;
    if (unreachable === undefined) return;
    say(detail.elt, told(detail.xhr.responseText) || unreachable);
  };

  document.addEventListener("htmx:responseError", answered);
  document.addEventListener("htmx:sendError", answered);
})();
