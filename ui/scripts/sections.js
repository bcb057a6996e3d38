/* Bring the page that is shown into sight in the row of a project's pages, where it scrolls. */
"use strict";

(() => {
  const row = document.querySelector("nav.sections");
  const here = row?.querySelector("[aria-current]");
  if (here && row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
})();
