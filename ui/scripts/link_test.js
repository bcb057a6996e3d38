/* Fetch one stored file by the links that pages and downloads get, and say what is in the way.

   #link-test names where the links are given; each <template data-case> is what is told. */
"use strict";

(() => {
  const box = document.getElementById("link-test");
  const button = box?.querySelector("button");
  if (!button) return;
  const SECONDS = 10;

  const tell = (place, name, told = {}) => {
    const line = box.querySelector(`[data-result="${place}"]`);
    line.replaceChildren(box.querySelector(`template[data-case="${name}"]`).content.cloneNode(true));
    line.dataset.case = name;
    for (const key of ["host", "origin", "status"]) {
      for (const slot of line.querySelectorAll(`[data-${key}]`)) slot.textContent = told[key] ?? "";
    }
  };

  const ask = (address, options) =>
    fetch(address, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(SECONDS * 1000), ...options });

  const hex = async (bytes) => {
    // Only on HTTPS or this very machine; elsewhere the length must do.
    if (!crypto.subtle) return null;
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...sum].map((each) => each.toString(16).padStart(2, "0")).join("");
  };

  /* Why an address could not be read: whoever answers an opaque request is there, and blocks by CORS. */
  const whyNot = async (address, problem) => {
    if (problem.name === "TimeoutError") return "slow";
    try {
      await ask(address, { mode: "no-cors" });
      return "cors";
    } catch (next) {
      return next.name === "TimeoutError" ? "slow" : "unreachable";
    }
  };

  const refusal = (status, text) => {
    if (status === 404) return "missing";
    return status === 401 || status === 403 || /Signature|Expired|AccessDenied|TimeTooSkewed/.test(text) ? "signature" : "other";
  };

  const test = async (place, address, wanted) => {
    if (!address) return tell(place, "none");
    const url = new URL(address, location.href);
    const told = { host: url.origin, origin: location.origin };
    if (location.protocol === "https:" && url.protocol === "http:") return tell(place, "mixed", told);
    let answer, bytes;
    try {
      answer = await ask(url, { credentials: url.origin === location.origin ? "same-origin" : "omit" });
      bytes = await answer.arrayBuffer();
    } catch (problem) {
      return tell(place, await whyNot(url, problem), told);
    }
    if (!answer.ok) {
      const text = new TextDecoder().decode(bytes).slice(0, 2000);
      const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? "";
      return tell(place, refusal(answer.status, text), { ...told, status: `${answer.status} ${code}`.trim() });
    }
    const sum = await hex(bytes);
    const same = bytes.byteLength === wanted.size && (sum === null || sum === wanted.sha256);
    return tell(place, same ? "good" : "changed", told);
  };

  const run = async () => {
    button.disabled = true;
    for (const place of ["own", "direct"]) tell(place, "running");
    try {
      const answer = await fetch(box.dataset.address, {
        method: "POST", headers: { "X-CSRFToken": box.dataset.token, Accept: "application/json" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const wanted = await answer.json();
      await Promise.all([test("own", wanted.own, wanted), test("direct", wanted.direct, wanted)]);
    } catch (problem) {
      for (const place of ["own", "direct"]) tell(place, "other", { status: problem.message });
    }
    button.disabled = false;
  };

  button.hidden = false;
  button.addEventListener("click", run);
})();
