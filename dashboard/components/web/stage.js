// The stage: panes over a timeline.

import { decodeBlob } from "./blob.js";
import { element, tellPainted } from "./dom.js";
import { mounting } from "./mount.js";
import { buildPane, fillLegend, fillPane, keepPictures, layOut, many, paint } from "./panes.js";
import { hearPoints, placeButtons, send, watchPointer } from "./pointer.js";
import { buildReadouts, fillReadouts, showNumbers } from "./readouts.js";
import { adoptTimeline, buildTimeline } from "./timeline.js";
import { buildTools } from "./tools.js";

function create(/** @type {Stage} */ stage) {
  Object.assign(stage, {
    panes: [], drag: null, points: {}, shown: new Map(), kept: new Map(), fresh: true,
    sender: { seq: 0, heard: 0, sentAt: -Infinity, waiting: false, timer: 0, told: [] },
    box: element("div", { className: "panes" }),
    readouts: buildReadouts(),
    described: () => showNumbers(stage),
    legend: element("div", { className: "legend", role: "group", "aria-label": "Layers" }),
    resized: () => { layOut(stage); placeButtons(stage); },
  });
  buildTimeline(stage);
  buildTools(stage);
  stage.side = element("div", { className: "side" }, stage.readouts, stage.legend);
  stage.root.append(element("div", { className: "body" }, stage.box, stage.side), stage.timeline.root);
}

function adopt(/** @type {Stage} */ stage, /** @type {Uint8Array} */ data) {
  const before = stage.scene;
  const scene = decodeBlob(data, stage.kept, stage.sender);
  if (scene.lacks) return askForAll(stage, scene);
  stage.scene = scene;
  const { panes, more } = stage.scene;
  // How many frames a layer has is told by its buffer alone, so that what is said of a film is said of one frame of it, too.
  for (const layer of panes.flatMap(({ layers }) => layers)) layer.frames = Math.max((layer.values ?? layer.xy)?.shape[0] ?? 1, layer.tint?.shape[0] ?? 1);
  Object.assign(stage.root.dataset, { panes: panes.length, many: many(stage) });
  if (stage.panes.length !== panes.length) {
    stage.drag = null;
    stage.panes = panes.map(() => buildPane());
    stage.box.replaceChildren(...stage.panes.map((pane) => pane.figure));
    for (const pane of stage.panes) watchPointer(stage, pane);
    (many(stage) ? stage.legend : stage.panes.at(-1).head).append(stage.tools);
  }
  if (before) keepPictures(before, stage.scene);
  hearPoints(stage);
  for (const [i, spec] of panes.entries()) fillPane(stage, stage.panes[i], spec);
  fillLegend(stage);
  fillReadouts(stage);
  adoptTimeline(stage, before);
  layOut(stage);
  placeButtons(stage);
  stage.fresh = false;
  stage.paint();
  stage.root.dataset.ready = "true";
  // The number of the answered move, the finest heat map's cells along a side, and whether no finer picture will follow.
  const maps = panes.flatMap(({ layers }) => layers.filter((layer) => layer.kind === "heatmap"));
  const cells = Math.max(0, ...maps.map((layer) => layer.values.shape[1]));
  tellPainted(stage.root, { seq: stage.scene.seq, cells, whole: !more });
  // The coarse picture is on the screen: now the whole one may take its time, unless a point is held. The answer to its last
  // place asks again.
  if (more) requestAnimationFrame(() => { if (stage.scene.more === more && !stage.drag) stage.emit("more", more); });
}

/** The server counts on buffers that this stage no longer has, as after a visit to another page: it is told so. @param {Stage} stage @param {Scene} _1 */
function askForAll(stage, { seq, points }) {
  const { sender, drag } = stage;
  stage.kept.clear();
  const newer = drag || sender.waiting || seq < sender.seq; // as in hearPoints
  stage.points = newer ? { ...points, ...stage.points } : { ...stage.points, ...points };
  sender.seq = sender.heard = Math.max(sender.seq, seq);
  send(stage);
}

export default await mounting("stage", ["stage.css", "readouts.css", "timeline.css"], { create, adopt, paint });
