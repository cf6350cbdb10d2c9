// The stage: panes over a timeline, built once for each mounted element and kept through every message from Python.
//
// Streamlit runs the default export again whenever the data or the theme changes. All state that must survive this (frame,
// play, drag, hidden layers) lives in the object of `mounting`; a run only adopts the new scene.

import { decodeBlob } from "./blob.js";
import { readTheme } from "./colour.js";
import { styles } from "./css.js";
import { element, tellPainted } from "./dom.js";
import { mounting } from "./mount.js";
import { buildPane, fillPane, fillShared, keepPictures, many, paint, repaint } from "./panes.js";
import { hearPoints, newSender, placeButtons, send, watchPointer } from "./pointer.js";
import { adoptTimeline, buildTimeline } from "./timeline.js";
import { buildTools } from "./tools.js";

const dress = await styles("stage.css", "timeline.css");

/** @param {ShadowRoot} parent */
function createStage(parent) {
  const root = parent.querySelector(".stage");
  const panes = element("div", { className: "panes" });
  const legend = element("div", { className: "legend shared", role: "group", "aria-label": "Layers of all pictures" });
  /** @type {any} */
  const stage = {
    root, legend, panes: [], scene: null, theme: null, frame: 0, playing: false, scrubbing: false, drag: null, points: {},
    shown: new Map(), kept: new Map(), sender: newSender(), raf: 0, painting: 0, said: null, fresh: true, emit: () => {}, box: panes,
  };
  stage.paint = () => paint(stage);
  stage.repaint = (/** @type {string} */ name) => repaint(stage, name);
  root.append(panes, legend);
  buildTimeline(stage);
  buildTools(stage);
  root.append(stage.timeline.root);
  stage.observer = new ResizeObserver(() => { placeButtons(stage); repaint(stage); });
  stage.observer.observe(root);
  return stage;
}

/** @param {Stage} stage @param {Uint8Array} data */
function adopt(stage, data) {
  const before = stage.scene;
  const scene = decodeBlob(data, stage.kept, stage.sender);
  if (scene.lacks) return askForAll(stage, scene);
  stage.scene = scene;
  stage.theme = readTheme(stage.root);
  const { panes, maxWidth } = stage.scene;
  stage.root.style.setProperty("--stage-width", `${maxWidth}px`);
  stage.root.dataset.panes = String(panes.length);
  stage.root.dataset.many = String(many(stage));
  if (stage.panes.length !== panes.length) {
    stage.drag = null;
    stage.panes = panes.map(() => buildPane());
    stage.box.replaceChildren(...stage.panes.map((pane) => pane.figure));
    for (const pane of stage.panes) watchPointer(stage, pane);
    if (!many(stage)) stage.panes.at(-1).head.append(stage.tools);
  }
  if (before) keepPictures(before, stage.scene);
  hearPoints(stage);
  for (const [i, spec] of panes.entries()) fillPane(stage, stage.panes[i], spec, i);
  fillShared(stage);
  adoptTimeline(stage, before);
  placeButtons(stage);
  stage.fresh = false;
  paint(stage);
  stage.root.dataset.ready = "true";
  tellPainted(stage.root, paintedOf(stage.scene));
  if (stage.scene.more) askForMore(stage);
}

/** The number of the answered move, the finest heat map's cells along a side, and whether no finer picture will follow. @param {Scene} _0 */
function paintedOf({ panes, seq, more }) {
  const maps = panes.flatMap(({ layers }) => layers.filter((layer) => layer.kind === "heatmap"));
  return { seq, cells: Math.max(0, ...maps.map((layer) => layer.values.shape[1])), whole: !more };
}

/** The server counts on buffers that this stage no longer has, as after a visit to another page: it is told so. @param {Stage} stage @param {Scene} _1 */
function askForAll(stage, { seq, points }) {
  const { sender } = stage;
  stage.kept.clear();
  stage.points = { ...points, ...stage.points };
  sender.seq = sender.heard = Math.max(sender.seq, seq);
  send(stage);
}

// The coarse picture is on the screen: now the whole one may take its time, unless a point is held. The answer to its last
// place asks again.
/** @param {Stage} stage */
function askForMore(stage) {
  const { more } = stage.scene;
  requestAnimationFrame(() => { if (stage.scene.more === more && !stage.drag) stage.emit("more", more); });
}

export default mounting(dress, createStage, adopt);
