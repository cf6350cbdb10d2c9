// The panes of a stage: their titles, legends and pictures.

import { gradient } from "./colour.js";
import { dprOf, element, fit, framed } from "./dom.js";
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

/** @returns {Pane} */
export function buildPane() {
  const legend = element("div", { className: "legend", role: "group", "aria-label": "Layers" });
  return { ...framed("pane", legend), legend, buttons: new Map(), spec: null };
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

export const many = (/** @type {Stage} */ stage) => stage.scene.panes.length > 2;
/** @param {Stage} stage @param {number} index @param {Layer} layer */
const chipKey = (stage, index, layer) => (many(stage) ? layer.label : `${index}|${layer.label}`);
/** @param {Stage} stage @param {number} index @param {Layer} layer */
export const isShown = (stage, index, layer) => stage.shown.get(chipKey(stage, index, layer)) ?? layer.visible;

// A chip stays the same element while a layer of its label is there: a press on it may begin before an answer and end after.
/** @param {Stage} stage @param {HTMLElement} legend @param {[Layer, number][]} entries */
function fillLegend(stage, legend, entries) {
  const nameOf = (/** @type {Layer} */ { kind, label }) => `${kind === "handle"}|${label}`;
  const names = entries.map(([layer]) => nameOf(layer));
  const chips = /** @type {HTMLElement[]} */ ([...legend.querySelectorAll(".chip")]);
  for (const chip of chips) if (!names.includes(chip.dataset.name)) chip.remove();
  let at = legend.firstElementChild;
  entries.forEach(([layer, index], i) => {
    const node = chips.find((chip) => chip.dataset.name === names[i]) ?? buildChip(layer, names[i]);
    if (node === at) at = at.nextElementSibling;
    else legend.insertBefore(node, at);
    dressChip(stage, node, layer, index);
  });
}

/** @param {Layer} layer @param {string} name @returns {HTMLElement} */
function buildChip({ kind, label }, name) {
  const swatch = element("span");
  return kind === "handle"
    ? element("span", { className: "chip fixed", "data-name": name }, swatch, label)
    : element("button", { type: "button", className: "chip", "data-name": name }, swatch, label);
}

/** A legend entry which shows and hides its layer; a handle's says only what it is. @param {Stage} stage @param {HTMLElement} node @param {Layer} layer @param {number} index */
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

/** All panes and the strip; of a point `moved` alone, the panes that show it. @param {Stage} stage @param {string | null} moved */
export function paint(stage, moved) {
  stage.panes.forEach((pane, index) => {
    if (moved !== null && !pane.spec.layers.some((layer) => layer.name === moved)) return;
    fit(pane.canvas);
    paintPane(pane.canvas.getContext("2d"), pane.spec, stage.frame, viewOf(stage, index, pane.canvas));
  });
  if (moved === null && stage.scene) paintStrip(stage); // a stage whose buffers are still on their way has none
}

/** @param {Stage} stage @param {number} index @param {HTMLCanvasElement} canvas @param {number} [dpr] */
export function viewOf(stage, index, canvas, dpr = dprOf(canvas)) {
  return {
    w: canvas.width, h: canvas.height, dpr, theme: stage.theme, extent: stage.panes[index].spec.extent,
    points: stage.points, held: stage.drag?.name, shows: (/** @type {Layer} */ layer) => isShown(stage, index, layer),
  };
}
