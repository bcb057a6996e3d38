/* How long somebody works on a task, by a clock that cannot be set: window.JinbiaoWorktime(show).
 *
 *   start(seconds)     a task is opened, on which so much was spent before
 *   seconds()          the time between signs of life, each gap counted up to a minute (lead_time)
 *   active()           the time in which the page was seen and somebody moved within the minute
 *   listen(window)     what counts as a sign of life
 * show(seconds, still) is called each second; `still` when the clock stands.
 */
"use strict";

window.JinbiaoWorktime = (show) => {
  const IDLE = 60_000; // ms without a sign of life after which the clock stands still
  const BEAT = 1000; // ms between two looks at the clock
  let spent = 0;
  let last = 0; // the last sign of life
  let active = 0;
  let beat = performance.now();

  const alive = () => {
    const now = performance.now();
    if (last) spent += Math.min(now - last, IDLE);
    last = now;
  };

  const isStill = (now) => document.hidden || !last || now - last >= IDLE;

  const tick = () => {
    const now = performance.now();
    // A page that slept counts one beat at most: how long it slept is nobody's work.
    if (!isStill(now)) active += Math.min(now - beat, 2 * BEAT);
    beat = now;
    show?.(Math.floor(active / 1000), isStill(now));
  };

  setInterval(tick, BEAT);
  document.addEventListener("visibilitychange", tick);

  return {
    start: (seconds = 0) => {
      spent = active = seconds * 1000;
      last = beat = performance.now();
      show?.(Math.floor(seconds), false);
    },
    seconds: () => Math.round((spent + (last ? Math.min(performance.now() - last, IDLE) : 0)) / 100) / 10,
    active: () => active / 1000,
    listen: (target) => {
      for (const type of ["pointerdown", "pointermove", "keydown", "wheel"]) {
        target.addEventListener(type, alive, { passive: true, capture: true });
      }
    },
  };
};
