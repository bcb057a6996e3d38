/* Draw labels over pictures.
 *
 * <figure class="shot" data-regions='[{type, value}]'><img></figure>, where a value is Label
 * Studio's, in percent of the picture; `class="large"` writes the labels' names too.
 * <script type="application/json" id="labels">{label: {title, color}}</script>
 */
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const labels = JSON.parse(document.getElementById("labels")?.textContent || "{}");

  const element = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const points = (list, width, height) => list.map(([x, y]) => `${(x * width) / 100},${(y * height) / 100}`).join(" ");

  /* Return the shape of a region in pixels of the picture, and where its name belongs. */
  const shape = ({ value }, width, height) => {
    const [x, y] = [(value.x * width) / 100, (value.y * height) / 100];
    const turn = value.rotation ? { transform: `rotate(${value.rotation} ${x} ${y})` } : {};
    if (Array.isArray(value.points)) {
      return [element("polygon", { points: points(value.points, width, height) }), ...value.points[0].map((p, i) => (p * [width, height][i]) / 100)];
    }
    if (Array.isArray(value.vertices)) {
      const list = value.vertices.map((each) => [each.x, each.y]);
      return [element(value.closed ? "polygon" : "polyline", { points: points(list, width, height) }), (list[0][0] * width) / 100, (list[0][1] * height) / 100];
    }
    if (value.radiusX !== undefined) {
      return [element("ellipse", { cx: x, cy: y, rx: (value.radiusX * width) / 100, ry: (value.radiusY * height) / 100, ...turn }), x, y];
    }
    if (value.height !== undefined) {
      return [element("rect", { x, y, width: (value.width * width) / 100, height: (value.height * height) / 100, ...turn }), x, y];
    }
    if (value.x !== undefined) return [element("circle", { cx: x, cy: y, r: (Math.max(value.width || 0, 0.6) * width) / 100 }), x, y];
    return null;
  };

  const name = (text, left, y, color, size, width) => {
    const group = element("g", {});
    const wide = [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1 : 0.58), 0) * size + size * 0.6;
    const x = Math.max(0, Math.min(left, width - wide));
    const top = y > size * 1.4 ? y - size * 1.4 : y;
    group.append(element("rect", { x, y: top, width: wide, height: size * 1.4, fill: color }));
    const words = element("text", { x: x + size * 0.3, y: top + size * 1.05, class: "name", style: `font-size:${size}px` });
    words.textContent = text;
    group.append(words);
    return group;
  };

  const draw = (figure) => {
    const picture = figure.querySelector("img");
    const regions = JSON.parse(figure.dataset.regions || "[]");
    const { naturalWidth: width, naturalHeight: height } = picture;
    if (!regions.length || !width) return;
    const sheet = element("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const large = figure.classList.contains("large");
    const names = [];
    for (const region of regions) {
      const found = shape(region, width, height);
      if (!found) continue;
      const [drawn, x, y] = found;
      const label = region.value[region.type]?.[0];
      const { title = label, color = "#1657b8" } = labels[label] || {};
      drawn.setAttribute("class", "shape");
      drawn.setAttribute("stroke", color);
      drawn.setAttribute("fill", drawn.tagName === "polyline" ? "none" : color);
      sheet.append(drawn);
      if (large && title) names.push(name(title, x, y, color, (13 * width) / (figure.clientWidth || width), width));
    }
    sheet.append(...names);
    figure.append(sheet);
  };

  for (const figure of document.querySelectorAll(".shot[data-regions]")) {
    const picture = figure.querySelector("img");
    if (!picture) continue;
    if (picture.complete && picture.naturalWidth) draw(figure);
    else picture.addEventListener("load", () => draw(figure), { once: true });
  }
})();
