/* Draw every <figure data-plot>: its JSON is an ECharts option, its <details> the table behind it.

   data-plot is the height in pixels (320 unless given). Needs vendor/echarts.min.js before it.
   Of an option beyond JSON:
   - a series {"type": "interval", "data": [[place, low, high], ...]} draws error bars: upright,
     or lying with "lying": true, where each entry is [low, high, place];
   - "unit": "percent" at the top writes values from 0 to 1 as percent on value axes and tips.
   The page stays readable without scripts: the table is there. Printed in grey, without motion. */
"use strict";

(() => {
  const INK = "#1b2430", QUIET = "#5a6675", LINE = "#e3e8ef";
  const COLORS = ["#1657b8", "#8a5300", "#17703a", "#6b4fa0", "#0f7c8a", "#b42318", "#5a6675"];
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1 });
  const NAMES = 0.36; // of the width
  const drawn = new Map();

  const theme = () => {
    const axis = {
      axisLine: { lineStyle: { color: QUIET } }, axisTick: { show: false },
      axisLabel: { color: QUIET }, splitLine: { lineStyle: { color: LINE } }, nameTextStyle: { color: QUIET },
    };
    return {
      color: COLORS,
      textStyle: { color: INK, fontFamily: getComputedStyle(document.body).fontFamily },
      animation: false,
      legend: { textStyle: { color: INK }, itemWidth: 14, itemHeight: 10 },
      tooltip: { backgroundColor: "#fff", borderColor: LINE, textStyle: { color: INK }, confine: true },
      categoryAxis: axis, valueAxis: axis, timeAxis: axis, logAxis: axis,
      visualMap: { textStyle: { color: QUIET } },
      line: { symbolSize: 6, lineStyle: { width: 2 } }, bar: { barMaxWidth: 28 },
    };
  };

  /* Error bars: a line between two ends with a stroke at each. */
  const interval = (series) => {
    const lying = series.lying === true;
    const renderItem = (_params, api) => {
      const ends = lying
        ? [api.coord([api.value(0), api.value(2)]), api.coord([api.value(1), api.value(2)])]
        : [api.coord([api.value(0), api.value(1)]), api.coord([api.value(0), api.value(2)])];
      const style = { stroke: series.color || INK, lineWidth: 1.5, fill: null };
      const stroke = ([x, y]) => (lying ? { x1: x, x2: x, y1: y - 5, y2: y + 5 } : { x1: x - 5, x2: x + 5, y1: y, y2: y });
      const [from, to] = ends;
      return {
        type: "group",
        children: [{ x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, ...ends.map(stroke)]
          .map((shape) => ({ type: "line", shape, style })),
      };
    };
    return {
      z: 3, silent: true, ...series, type: "custom", renderItem,
      encode: lying ? { x: [0, 1], y: 2 } : { x: 0, y: [1, 2] },
    };
  };

  const prepared = (option) => {
    const { unit, ...rest } = option;
    rest.series = [rest.series || []].flat().map((each) => (each.type === "interval" ? interval(each) : each));
    // ECharts keeps 60 pixels free above and below, where there is no title.
    if (rest.grid?.containLabel) rest.grid = { top: 16, bottom: rest.legend ? 40 : 8, ...rest.grid };
    if (unit === "percent") {
      for (const name of ["xAxis", "yAxis"]) {
        for (const axis of [rest[name] || []].flat()) {
          if (axis.type === "value") axis.axisLabel = { formatter: (value) => percent.format(value), ...axis.axisLabel };
        }
      }
      const last = (value) => (Array.isArray(value) ? value.at(-1) : value);
      rest.tooltip = { valueFormatter: (value) => (typeof last(value) === "number" ? percent.format(last(value)) : "—"), ...rest.tooltip };
      for (const each of rest.series) {
        if (each.label?.show && !each.label.formatter) {
          each.label.formatter = ({ value }) => (typeof last(value) === "number" ? percent.format(last(value)) : "");
        }
      }
    }
    return rest;
  };

  const draw = (figure) => {
    const source = figure.querySelector(':scope > script[type="application/json"]');
    if (!window.echarts || !source) return;
    const place = document.createElement("div");
    place.className = "plot-area";
    place.setAttribute("aria-hidden", "true");
    place.style.height = `${Number(figure.dataset.plot) || 320}px`;
    source.before(place);
    const chart = window.echarts.init(place, theme(), { renderer: "svg" });
    chart.setOption({ aria: { enabled: false }, ...prepared(JSON.parse(source.textContent)) });
    drawn.set(figure, chart);
    new ResizeObserver(() => fit(chart)).observe(place);
    fit(chart);
  };

  /* Names beside an upright axis leave most of the width to what is drawn. */
  const narrowed = (chart) => {
    const names = (chart.getOption().yAxis || []).some((axis) => axis.type === "category");
    if (names) chart.setOption({ yAxis: { axisLabel: { width: Math.round(chart.getWidth() * NAMES), overflow: "truncate" } } });
  };

  /* On paper the drawing is scaled by its viewBox: nothing is laid out anew while printing. */
  const onPaper = window.matchMedia("print");
  const fit = (chart) => {
    if (onPaper.matches) return;
    chart.resize();
    narrowed(chart);
    chart.getDom().querySelector("svg")?.setAttribute("viewBox", `0 0 ${chart.getWidth()} ${chart.getHeight()}`);
  };

  /* Also what htmx has put in place since. */
  const look = () => {
    for (const [figure, chart] of drawn) {
      if (!figure.isConnected) {
        chart.dispose();
        drawn.delete(figure);
      }
    }
    for (const figure of document.querySelectorAll("figure[data-plot]")) {
      if (!drawn.has(figure)) draw(figure);
    }
  };

  look();
  document.addEventListener("htmx:afterSettle", look);
  /* On paper the numbers stand below each plot. */
  const opened = new Set();
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("figure[data-plot] ~ details, figure[data-plot] details")) {
      if (!details.open) opened.add(details);
      details.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened.clear();
  });
})();
