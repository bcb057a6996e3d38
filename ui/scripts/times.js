/* Say how long ago a time was, when the pointer rests on it. */
"use strict";

(() => {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

  document.addEventListener("mouseover", ({ target }) => {
    const time = target.closest?.("time[datetime]");
    if (!time) return;
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) || UNITS.at(-1);
    time.title = words.format(Math.round(seconds / size), unit);
  });
})();
