// Painters: one function for each kind of layer, `(context, layer, frame, view)`.
//
// `view` is {w, h, dpr, theme, extent, busy}; painters work in device pixels. Coordinates come as int16 and leave as pixels,
// y up. What is dear (a scaled heat map, a cloud) is kept on the layer until its frame, its size or the theme changes.

import { paintPoints } from "./cloud.js";
import { ramp } from "./colour.js";
import { disc, surface, write } from "./dom.js";
import { frameOf, NOTHING, paintAxes, px, py, toPixels } from "./places.js";

/** @param {Context} ctx @param {Layer} layer @param {number} frame @param {View} view */
function paintHeatmap(ctx, layer, frame, view) {
  const [frames, rows, columns] = layer.values.shape;
  const f = frameOf(layer, frame);
  const key = `${f}|${view.w}|${view.theme.signature}`;
  if (layer.key !== key) {
    layer.key = key;
    layer.cells ??= surface(columns, rows);
    const context = layer.cells.getContext("2d");
    layer.image ??= context.createImageData(columns, rows);
    const out = new Uint32Array(layer.image.data.buffer);
    const colours = ramp(view.theme, layer);
    const from = layer.values.values.subarray(f * rows * columns, (f + 1) * rows * columns);
    for (let row = 0; row < rows; row++) {
      const target = (rows - 1 - row) * columns;
      for (let column = 0; column < columns; column++) out[target + column] = colours[from[row * columns + column]];
    }
    context.putImageData(layer.image, 0, 0);
    layer.scaled = null;
    if (frames === 1) {
      layer.scaled = surface(view.w, view.h);
      scale(layer.scaled.getContext("2d"), layer, view);
    }
  }
  if (layer.scaled) ctx.drawImage(layer.scaled, 0, 0);
  else scale(ctx, layer, view);
}

function scale(/** @type {Context} */ ctx, /** @type {Layer} */ layer, /** @type {View} */ view) {
  ctx.imageSmoothingEnabled = layer.smooth;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(layer.cells, 0, 0, view.w, view.h);
  ctx.imageSmoothingEnabled = true;
}

/** Begins strokes of a layer's own colour, width and opacity. @param {Context} ctx @param {Layer} layer @param {View} _0 */
function ink(ctx, { role, opacity, width }, { dpr, theme }) {
  ctx.fillStyle = ctx.strokeStyle = theme.roles[role];
  ctx.globalAlpha = opacity;
  ctx.lineWidth = width * dpr;
  ctx.beginPath();
}

/** @type {Record<Layer["kind"], (ctx: Context, layer: Layer, frame: number, view: View) => void>} */
const PAINTERS = {
  heatmap: paintHeatmap,
  points: paintPoints,

  lines(ctx, layer, frame, view) {
    const { w, h } = view;
    const { shape: [, lines, nodes], values: xy } = layer.xy;
    let at = frameOf(layer, frame) * lines * nodes * 2;
    ink(ctx, layer, view);
    ctx.lineJoin = "round";
    for (let line = 0; line < lines; line++) {
      if (layer.tints?.length) {
        ctx.stroke();
        ctx.beginPath();
        ctx.strokeStyle = view.theme.tints[layer.tints[line] % view.theme.tints.length];
      }
      let pen = false;
      for (let node = 0; node < nodes; node++, at += 2) {
        const there = xy[at] !== NOTHING;
        if (there) ctx[pen ? "lineTo" : "moveTo"](px(xy[at], w), py(xy[at + 1], h));
        pen = there;
      }
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
  },

  arrows(ctx, layer, frame, view) {
    const { w, h, dpr } = view;
    const { shape: [, count], values: xy } = layer.xy;
    const heads = new Path2D();
    ink(ctx, layer, view);
    let at = frameOf(layer, frame) * count * 4;
    for (let i = 0; i < count; i++, at += 4) {
      if (xy[at] === NOTHING || xy[at + 2] === NOTHING) continue;
      const [x0, y0, x1, y1] = [px(xy[at], w), py(xy[at + 1], h), px(xy[at + 2], w), py(xy[at + 3], h)];
      const [dx, dy] = [x1 - x0, y1 - y0];
      const length = Math.hypot(dx, dy);
      if (length < 0.5) continue;
      const size = Math.min((3 + 2.5 * layer.width) * dpr, length * 0.6);
      const [ux, uy] = [(dx / length) * size, (dy / length) * size];
      ctx.moveTo(x0, y0);
      ctx.lineTo(x1 - ux * 0.8, y1 - uy * 0.8);
      heads.moveTo(x1, y1);
      heads.lineTo(x1 - ux - uy * 0.42, y1 - uy + ux * 0.42);
      heads.lineTo(x1 - ux + uy * 0.42, y1 - uy - ux * 0.42);
      heads.closePath();
    }
    ctx.stroke();
    ctx.fill(heads);
    ctx.globalAlpha = 1;
  },

  marker(ctx, layer, frame, view) {
    const { w, h, dpr, theme } = view;
    const i = frameOf(layer, frame) * 2;
    const [qx, qy] = [layer.xy.values[i], layer.xy.values[i + 1]];
    if (qx === NOTHING) return;
    const [x, y] = [px(qx, w), py(qy, h)];
    /** @type {[string, number, number][]} */
    const strokes = [[theme.background, 5, 8.5], [theme.roles[layer.role], 2.25, 7]];
    ctx.lineCap = "round";
    for (const [colour, width, reach] of strokes) {
      const arm = reach * 0.7 * dpr;
      ctx.strokeStyle = colour;
      ctx.lineWidth = width * dpr;
      ctx.beginPath();
      for (const side of [arm, -arm]) {
        ctx.moveTo(x - arm, y - side);
        ctx.lineTo(x + arm, y + side);
      }
      ctx.stroke();
    }
    if (!layer.text) return;
    const right = x < 0.7 * w;
    write(ctx, layer.text, x + (right ? 12 : -12) * dpr, y, view, { size: 13, weight: 600, align: right ? "left" : "right" });
  },

  // A draggable point: ring, core and shadow, larger than anything else on the picture. The button over it is invisible.
  handle(ctx, layer, _frame, view) {
    const { dpr, theme } = view;
    const [x, y] = toPixels(view, view.points[layer.name]);
    const grip = view.held === layer.name ? 11 : 9;
    ctx.save();
    ctx.shadowColor = "rgba(0, 0, 0, 0.35)";
    ctx.shadowBlur = 6 * dpr;
    ctx.fillStyle = theme.background;
    disc(ctx, x, y, grip * dpr);
    ctx.restore();
    ctx.strokeStyle = ctx.fillStyle = layer.tints?.length ? theme.tints[layer.tints[0] % theme.tints.length] : theme.roles[layer.role];
    ctx.lineWidth = 3 * dpr;
    ctx.beginPath();
    ctx.arc(x, y, (grip - 1.5) * dpr, 0, 2 * Math.PI);
    ctx.stroke();
    disc(ctx, x, y, 3 * dpr);
  },
};

/** @param {Context} ctx @param {PaneSpec} pane @param {number} frame @param {View} view */
export function paintPane(ctx, pane, frame, view) {
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.fillStyle = view.theme.background;
  ctx.fillRect(0, 0, view.w, view.h);
  const shown = pane.layers.filter((layer) => view.shows(layer));
  view.busy = shown.some((layer) => layer.kind === "heatmap");
  for (const layer of shown) PAINTERS[layer.kind](ctx, layer, frame, view);
  if (pane.axes ?? true) paintAxes(ctx, view, pane.axes === "y", pane.names);
}
