/* Send a <form data-live> without leaving the page: what is wrong appears beside its field,
 * what is uploaded shows how far it is. Without this script the form is sent as any other. */
"use strict";

(() => {
  const clear = (form) => {
    for (const fault of form.querySelectorAll(".fault")) fault.remove();
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  };

  /* An address of a page of findings is a link, in the words of data-findings. */
  const linked = (form, message) => message.split(/(\/(?:projects|libraries)\/\d+\/findings)/).map((part, number) => {
    if (number % 2 === 0) return part;
    const way = document.createElement("a");
    way.href = part;
    way.textContent = form.dataset.findings || part;
    return way;
  });

  const tell = (form, place, message) => {
    // Boxes that share a name come as a list: the line stands with the first.
    const named = form.elements[place];
    const own = named instanceof RadioNodeList ? named[0] : named;
    const field = own || form.elements[place.split(/[.[]/)[0]] || form.elements[form.dataset.other];
    const line = document.createElement("p");
    line.className = "fault";
    line.setAttribute("role", "alert");
    // The name of a value says nothing to a reader; a place in what they wrote does.
    line.append(...linked(form, own || /^\w*$/.test(place) ? message : `${place}: ${message}`));
    const box = field?.closest?.(".field");
    // What is folded away is opened, so that the line is seen.
    for (let fold = field?.closest?.("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (!box) {
      form.querySelector("[type=submit]").before(line);
      return;
    }
    field.setAttribute("aria-invalid", "true");
    box.append(line);
  };

  const show = (form, problem) => {
    const told = Object.entries(problem.validation_errors ?? {});
    if (!told.length) tell(form, "", problem.detail);
    for (const [place, lines] of told) {
      for (const line of lines) tell(form, place === "non_field_errors" ? "" : place, line);
    }
    form.querySelector(".fault")?.scrollIntoView({ block: "center" });
    form.querySelector("[aria-invalid]")?.focus();
  };

  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  };

  // What is sent, with the button that sent it where it says something.
  const content = (form, button) => {
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value);
    return data;
  };

  const send = (form, button) => {
    const request = new XMLHttpRequest();
    const bar = form.querySelector("progress");
    const busy = (state) => {
      for (const button of form.querySelectorAll("[type=submit]")) button.disabled = state;
      if (bar) bar.hidden = !state;
    };
    busy(true);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (!bar) return;
      bar.max = total;
      bar.value = loaded;
    });
    request.addEventListener("load", () => {
      if (request.status < 400) {
        location.assign(request.responseURL);
        return;
      }
      busy(false);
      show(form, parsed(request.responseText));
    });
    request.addEventListener("error", () => {
      busy(false);
      tell(form, "", form.dataset.live);
    });
    request.open(form.method, form.action);
    request.setRequestHeader("Accept", "application/json");
    const multipart = form.enctype === "multipart/form-data";
    const data = content(form, button);
    request.send(multipart ? data : new URLSearchParams(data));
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-live]")) return;
    event.preventDefault();
    clear(form);
    send(form, event.submitter);
  });
})();
