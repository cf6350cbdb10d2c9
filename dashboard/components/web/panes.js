// The panes of a stage: their titles, legends and pictures.

import { gradient } from "./colour.js";
import { dprOf, element, fit, framed } from "./dom.js";
import { paintPane } from "./paint.js";
import { buildButtons } from "./pointer.js";
import { fitted, heightOf, NARROW, roomOf, widthOf } from "./room.js";
import { paintStrip } from "./strip.js";

const GAP = 12; // CSS pixels between panes

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
  return { ...framed("pane"), buttons: new Map(), spec: null };
}

/** @param {Stage} stage @param {Pane} pane @param {PaneSpec} spec */
export function fillPane(stage, pane, spec) {
  pane.spec = spec;
  pane.title.textContent = spec.title;
  pane.picture.style.aspectRatio = String(ratioOf(spec));
  pane.picture.classList.toggle("pick", !!spec.pick);
  pane.canvas.setAttribute("aria-label", spec.alt);
  buildButtons(stage, pane);
}

const SIDE = 220; // CSS pixels of numbers and legend where they stand beside the panes, with the gap to them

/**
 * All panes as large as the first screen lets them be; on a telephone the first of a few. Numbers and legend stand under them, or
 * beside them where that leaves the panes larger.
 * @param {Stage} stage
 */
export function layOut(stage) {
  const { root, box: { parentElement: body }, panes, readouts, side, timeline, scene } = stage;
  const width = widthOf(root);
  if (!scene || !panes.length || !width) return; // a stage whose buffers are still on their way has no scene
  const place = width < NARROW ? body : side; // on a telephone what is under the picture is under the first screen
  if (readouts.parentElement !== place) place.prepend(readouts);
  root.dataset.beside = "false";
  const heads = panes.map(({ figure, picture }) => figure.offsetHeight - picture.offsetHeight);
  const room = roomOf(root) - heightOf(timeline.root);
  const all = { gap: GAP, most: scene.maxWidth, head: Math.max(...heads), ratio: Math.min(...panes.map(({ spec }) => ratioOf(spec))) };
  const under = { ...all, width, height: room - heightOf(side) };
  const beside = fitted(panes.length, { ...all, width: width - SIDE, height: room });
  let best = fitted(panes.length, under);
  if (width < NARROW) best = many(stage) ? { ...fitted(1, { ...under, width: (width - GAP) / 2 }), columns: 2 } : fitted(1, { ...under, height: room - heightOf(readouts) });
  else if (beside.side > 1.05 * best.side) {
    arrange(root, beside, true);
    if (side.offsetHeight <= room) return; // else they would reach below the strip
  }
  arrange(root, best, false);
}

/** @param {HTMLElement} root @param {{columns: number, side: number}} sizes @param {boolean} beside */
function arrange(root, { columns, side }, beside) {
  root.dataset.beside = String(beside);
  const style = { "--columns": String(columns), "--pane": `${side}px`, "--gap": `${GAP}px` };
  for (const [name, value] of Object.entries(style)) root.style.setProperty(name, value);
}

/** How many times as wide as high a pane is. Both axes have one scale unless a window is so long that its picture would be a thin strip or reach below the first screen: then each has its own. @param {PaneSpec} spec */
function ratioOf({ aspect, extent: [x0, x1, y0, y1] }) {
  const equal = (x1 - x0) / (y1 - y0);
  return aspect ?? (equal > 0.5 && equal < 2 ? equal : 1);
}

export const many = (/** @type {Stage} */ stage) => stage.scene.pair || stage.scene.panes.length > 2;
/** What its chip in the legend says: several layers may share one. @param {Layer} layer */
const chipOf = (layer) => layer.group || layer.label;

/** @param {Stage} stage @param {Layer} layer */
export const isShown = (stage, layer) => stage.shown.get(chipOf(layer)) ?? layer.visible;

/**
 * One legend for all panes: a chip for each label, with the looks of the first layer that has it. A chip stays the same element while
 * a layer of its label is there: a press on it may begin before an answer and end after.
 * @param {Stage} stage
 */
export function fillLegend(stage) {
  const { legend } = stage;
  /** @type {Map<string, Layer>} */
  const layers = new Map();
  const nameOf = (/** @type {Layer} */ layer) => `${layer.kind === "handle"}|${chipOf(layer)}`;
  for (const { spec } of stage.panes) for (const layer of spec.layers) if (!layers.has(nameOf(layer))) layers.set(nameOf(layer), layer);
  const chips = /** @type {HTMLElement[]} */ ([...legend.querySelectorAll(".chip")]);
  for (const chip of chips) if (!layers.has(chip.dataset.name)) chip.remove();
  let at = legend.firstElementChild;
  for (const [name, layer] of layers) {
    const node = chips.find((chip) => chip.dataset.name === name) ?? buildChip(layer, name);
    if (node === at) at = at.nextElementSibling;
    else legend.insertBefore(node, at);
    dressChip(stage, node, layer);
  }
}

/** @param {Layer} layer @param {string} name @returns {HTMLElement} */
function buildChip(layer, name) {
  const [swatch, label] = [element("span"), chipOf(layer)];
  return layer.kind === "handle"
    ? element("span", { className: "chip fixed", "data-name": name }, swatch, label)
    : element("button", { type: "button", className: "chip", "data-name": name }, swatch, label);
}

/** A legend entry which shows and hides its layer; a handle's says only what it is. @param {Stage} stage @param {HTMLElement} node @param {Layer} layer */
function dressChip(stage, node, layer) {
  const swatch = /** @type {HTMLElement} */ (node.firstElementChild);
  swatch.className = `swatch swatch-${layer.kind}`;
  swatch.style.setProperty("--colour", stage.theme.roles[layer.role]);
  swatch.style.background = layer.kind === "heatmap" ? gradient(stage.theme, layer) : "";
  if (layer.kind === "handle") return;
  node.setAttribute("aria-pressed", isShown(stage, layer));
  node.onclick = () => {
    stage.shown.set(chipOf(layer), !isShown(stage, layer));
    node.setAttribute("aria-pressed", isShown(stage, layer));
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
    points: stage.points, held: stage.drag?.name, shows: (/** @type {Layer} */ layer) => isShown(stage, layer),
  };
}
