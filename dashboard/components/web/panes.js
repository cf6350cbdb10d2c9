// The panes of a stage: their titles, legends and pictures.

import { gradient } from "./colour.js";
import { element, fit } from "./dom.js";
import { paintPane } from "./paint.js";
import { buildButtons } from "./pointer.js";
import { paintStrip } from "./strip.js";

/** A heat map that came again unchanged, as it does while a point is dragged, keeps its finished picture. @param {Scene} before @param {Scene} after */
export function keepPictures(before, after) {
  after.panes.forEach((pane, i) => {
    for (const layer of pane.layers.filter((l) => l.kind === "heatmap")) {
      const old = before.panes[i]?.layers.find((l) => l.kind === "heatmap" && l.label === layer.label);
      const [a, b] = [old?.values.values, layer.values.values];
      const looks = (/** @type {Layer} */ l) => String([l.values.shape, l.role, l.lowRole, l.diverging, l.smooth]);
      if (!old?.cells || looks(old) !== looks(layer)) continue;
      if (a !== b && !a.every((value, k) => value === b[k])) continue;
      Object.assign(layer, { cells: old.cells, image: old.image, scaled: old.scaled, key: old.key });
    }
  });
}

export function buildPane() {
  const title = element("span", { className: "title" });
  const head = element("figcaption", {}, title);
  const canvas = element("canvas", { role: "img" });
  const picture = element("div", { className: "picture" }, canvas);
  const legend = element("div", { className: "legend", role: "group", "aria-label": "Layers" });
  const figure = element("figure", {}, head, picture, legend);
  /** @type {Pane} */
  const pane = { figure, head, title, canvas, picture, legend, buttons: new Map(), spec: null };
  return pane;
}

/** @param {Stage} stage @param {Pane} pane @param {PaneSpec} spec @param {number} index */
export function fillPane(stage, pane, spec, index) {
  pane.spec = spec;
  const [x0, x1, y0, y1] = spec.extent;
  pane.title.textContent = spec.title;
  const aspect = spec.aspect ?? (x1 - x0) / (y1 - y0);
  pane.picture.style.aspectRatio = String(aspect);
  pane.figure.style.setProperty("--ratio", aspect);
  pane.picture.classList.toggle("pick", !!spec.pick);
  pane.canvas.setAttribute("aria-label", spec.alt);
  buildButtons(stage, pane);
  fillLegend(stage, pane.legend, many(stage) ? [] : spec.layers.map((layer) => [layer, index]));
}

/** One legend for small multiples: a chip for each label, with the looks of the first layer that has it. @param {Stage} stage */
export function fillShared(stage) {
  stage.legend.hidden = !many(stage);
  if (!many(stage)) return;
  /** @type {Map<string, [Layer, number]>} */
  const layers = new Map();
  stage.panes.forEach(({ spec }, index) => {
    for (const layer of spec.layers) if (!layers.has(layer.label)) layers.set(layer.label, [layer, index]);
  });
  if (stage.tools.parentElement !== stage.legend) stage.legend.append(stage.tools);
  fillLegend(stage, stage.legend, [...layers.values()]);
}

/** @param {Stage} stage */
export const many = (stage) => stage.scene.panes.length > 2;
/** @param {Stage} stage @param {number} index @param {Layer} layer */
const chipKey = (stage, index, layer) => (many(stage) ? layer.label : `${index}|${layer.label}`);
/** @param {Stage} stage @param {number} index @param {Layer} layer */
export const isShown = (stage, index, layer) => stage.shown.get(chipKey(stage, index, layer)) ?? layer.visible;

// A chip stays the same element while a layer of its label is there: a press on it may begin before an answer and end after.
/** @param {Stage} stage @param {HTMLElement} legend @param {[Layer, number][]} entries */
function fillLegend(stage, legend, entries) {
  const nameOf = (/** @type {Layer} */ { kind, label }) => `${kind === "handle"}|${label}`;
  const names = entries.map(([layer]) => nameOf(layer));
  /** @type {Map<string, HTMLElement>} */
  const old = new Map();
  for (const node of legend.querySelectorAll(".chip")) {
    const { name } = /** @type {HTMLElement} */ (node).dataset;
    if (names.includes(name)) old.set(name, /** @type {HTMLElement} */ (node));
    else node.remove();
  }
  let at = legend.firstElementChild;
  for (const [layer, index] of entries) {
    const node = old.get(nameOf(layer)) ?? buildChip(layer, nameOf(layer));
    if (node === at) at = at.nextElementSibling;
    else legend.insertBefore(node, at);
    dressChip(stage, node, layer, index);
  }
}

/** @param {Layer} layer @param {string} name */
function buildChip({ kind, label }, name) {
  const swatch = element("span");
  const node = kind === "handle"
    ? element("span", { className: "chip fixed" }, swatch, label)
    : element("button", { type: "button", className: "chip" }, swatch, label);
  node.dataset.name = name;
  return node;
}

// A legend entry which shows and hides its layer; a handle's says only what it is.
/** @param {Stage} stage @param {HTMLElement} node @param {Layer} layer @param {number} index */
function dressChip(stage, node, layer, index) {
  const swatch = /** @type {HTMLElement} */ (node.firstElementChild);
  swatch.className = `swatch swatch-${layer.kind}`;
  swatch.style.setProperty("--colour", stage.theme.roles[layer.role]);
  swatch.style.background = layer.kind === "heatmap" ? gradient(stage.theme, layer) : "";
  if (layer.kind === "handle") return;
  node.setAttribute("aria-pressed", isShown(stage, index, layer));
  node.onclick = () => {
    stage.shown.set(chipKey(stage, index, layer), !isShown(stage, index, layer));
    node.setAttribute("aria-pressed", isShown(stage, index, layer));
    stage.repaint();
  };
}

// At most one painting for each frame of the screen, however many reasons there are. With the `name` of a point that alone has
// moved, only the panes that show it: a browser without a graphics card pays for every pixel.
/** @param {Stage} stage @param {string | null} [name] */
export function repaint(stage, name = null) {
  stage.moved = stage.painting && stage.moved !== name ? null : name;
  stage.painting ||= requestAnimationFrame(() => paint(stage, stage.moved));
}

/** @param {Stage} stage @param {string | null} [moved] */
export function paint(stage, moved = null) {
  cancelAnimationFrame(stage.painting);
  stage.painting = 0;
  stage.panes.forEach((pane, index) => {
    if (moved !== null && !pane.spec.layers.some((layer) => layer.name === moved)) return;
    fit(pane.canvas);
    paintPane(pane.canvas.getContext("2d"), pane.spec, stage.frame, viewOf(stage, index, pane.canvas));
  });
  if (moved === null && stage.scene.timeline && !stage.timeline.root.hidden) paintStrip(stage);
}

/** @param {Stage} stage @param {number} index @param {HTMLCanvasElement} canvas @param {number} [dpr] */
export function viewOf(stage, index, canvas, dpr = canvas.width / Math.max(1, canvas.clientWidth)) {
  return {
    w: canvas.width, h: canvas.height, dpr, theme: stage.theme, extent: stage.panes[index].spec.extent,
    points: stage.points, held: stage.drag?.name, shows: (/** @type {Layer} */ layer) => isShown(stage, index, layer),
  };
}
