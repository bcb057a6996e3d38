/* Ask the server for a page that must lose nothing: window.JinbiaoAsking(options) gives
 *
 *   ask(method, path, body, headers)    the decoded answer; throws Problem
 *   insist(method, path, body, options) the same, asked again until the server answers
 *   wait(seconds)                       sooner when the device is online again
 *   Problem                             {status, message, passing}; status 0: nobody answered
 *
 * options: {csrf, user, onWaiting(seconds, problem), onTrying()}. Whoever signed in again in another
 * tab goes on here: the page fetches its own fresh form token, if it is the same person. Until then
 * nothing is asked: it would be asked in the name of somebody else.
 */
"use strict";

window.JinbiaoAsking = ({ csrf, user, onWaiting, onTrying }) => {
  const RETRY = [2, 4, 8, 15, 30]; // s between the tries to reach the server
  let token = csrf;
  let signedOut = false; // as far as we know

  class Problem extends Error {
    constructor(status, { detail = "", validation_errors = {} } = {}) {
      const told = Object.entries(validation_errors).flatMap(([place, lines]) =>
        lines.filter((line) => line !== detail).map((line) => (place === "non_field_errors" ? line : `${place}: ${line}`)));
      super([detail || String(status), ...told].join("; "));
      this.status = status;
    }
    get passing() {
      return this.status === 0 || this.status === 429 || this.status >= 500;
    }
  }

  const send = async (method, path, body, headers) => {
    const options = { method, credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": token, ...headers } };
    if (body) {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    try {
      return await fetch(path, options);
    } catch {
      throw new Problem(0);
    }
  };

  /* Take the form token of a fresh page; tell whether there is one, and for the same person. */
  const renew = async () => {
    const response = await send("GET", location.pathname, null, { Accept: "text/html" });
    if (response.status === 429 || response.status >= 500) throw new Problem(response.status);
    const page = new DOMParser().parseFromString(await response.text().catch(() => ""), "text/html");
    const fresh = page.getElementById("workbench")?.dataset;
    const signedIn = JSON.parse(fresh?.user || "0");
    signedOut = !fresh || (signedIn.id ?? signedIn) !== user.id;
    if (!signedOut) token = fresh.csrf;
    return !signedOut;
  };

  const ask = async (method, path, body, headers = {}) => {
    if (signedOut && !await renew()) throw new Problem(401);
    let response = await send(method, path, body, headers);
    // A form that has expired has no code of the domain.
    const expired = response.status === 400 && response.headers.get("Jinbiao-Error") === "http_400";
    if (expired && await renew()) response = await send(method, path, body, headers);
    else if (expired) throw new Problem(401, await response.json().catch(() => ({})));
    if (response.status === 401) signedOut = true;
    const content = await response.json().catch(() => ({}));
    const tag = Number(response.headers.get("ETag")?.replace(/\D/g, ""));
    if (tag && content && content.revision === undefined) content.revision = tag;
    if (!response.ok) throw new Problem(response.status, content);
    return content;
  };

  const wait = (seconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });

  /* Only an answer that will not change is thrown; with `signIn`, that nobody is signed in is not
   * such an answer. */
  const insist = async (method, path, body, { waiting = onWaiting, trying = onTrying, signIn } = {}) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask(method, path, body);
      } catch (problem) {
        const gone = signIn && problem.status === 401;
        if (!problem.passing && !gone) throw problem;
        const seconds = RETRY[Math.min(attempt, RETRY.length - 1)];
        waiting?.(seconds, problem);
        await wait(seconds);
        trying?.();
      }
    }
  };

  return { ask, insist, wait, Problem };
};
