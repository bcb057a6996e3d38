/* Show what a labelling configuration looks like, with sample data, in the real editor.
 *
 * <details data-preview="label_config" data-text="sample text"><iframe data-src="…"></iframe>
 * The editor is loaded when the details are opened, and follows the textarea. */
"use strict";

(() => {
  const box = document.querySelector("details[data-preview]");
  if (!box) return;
  const frame = box.querySelector("iframe");
  const area = document.getElementById(box.dataset.preview);
  const AFTER = 700; // ms from the last key to the new preview
  let timer = 0;
  let shown = null; // the configuration that the editor has

  const picture = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 420];
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#dfe6ef";
    pen.fillRect(0, 0, 640, 420);
    pen.strokeStyle = "#8fa2ba";
    pen.lineWidth = 6;
    for (let x = 60; x < 640; x += 120) pen.strokeRect(x, 90 + (x % 3) * 30, 64, 64);
    pen.beginPath();
    pen.moveTo(40, 330);
    pen.bezierCurveTo(200, 220, 380, 400, 600, 280);
    pen.stroke();
    return canvas.toDataURL("image/png");
  };

  const parsed = (config) => new DOMParser().parseFromString(config, "text/xml");

  const templates = JSON.parse(document.getElementById("templates")?.textContent ?? "{}");

  /* Return the data that the chosen template brings for itself. */
  const brought = () => templates[area.form?.elements.template?.value]?.data ?? {};

  /* Return a sample value for every key that the configuration shows. */
  const sample = (tree) => {
    const data = {};
    for (const tag of tree.querySelectorAll("*")) {
      const [, key] = /^\$(\w+)$/.exec(tag.getAttribute("value") || "") || [];
      if (key) data[key] = tag.tagName === "Image" ? picture() : box.dataset.text;
    }
    return { ...data, ...brought() };
  };

  const loaded = () => new Promise((resolve) => { frame.addEventListener("load", resolve, { once: true }); });

  /* The editor does not change its configuration without complaint: it starts afresh. */
  const show = async () => {
    const config = area.value;
    const tree = parsed(config);
    if (!box.open || config === shown || tree.querySelector("parsererror")) return;
    shown = config;
    const fresh = loaded();
    if (frame.src) frame.contentWindow.location.reload();
    else frame.src = frame.dataset.src;
    await fresh;
    if (config !== shown) return;
    await frame.contentWindow.JinbiaoEditor.open({ config, task: { id: 0, data: sample(tree) }, user: { id: 0 }, interfaces: ["controls"] });
  };

  box.addEventListener("toggle", show);
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, AFTER);
  });
})();
