// The strip chart behind the scrubber: curves on scales of their own, marks for the frames, a cursor.

import { clamp, disc, fit, segment, write } from "./dom.js";

export const STRIP_PAD = 12; // CSS pixels left and right, so that the knob never leaves the strip

export function paintStrip(/** @type {Player} */ stage) {
  const { scene: { timeline: spec }, timeline: { canvas, root }, theme } = stage;
  if (!spec || root.hidden) return;
  const dpr = fit(canvas);
  const ctx = canvas.getContext("2d");
  const { width: w, height: h } = canvas;
  const [top, bottom] = [8 * dpr, h - (spec.columns.length ? 20 : 9) * dpr];
  const x = (/** @type {number} */ t) => (STRIP_PAD + t * (w / dpr - 2 * STRIP_PAD)) * dpr;
  const y = (/** @type {number} */ v) => bottom - v * (bottom - top);
  const chart = { x, y, w, h, dpr, theme, bottom };
  const now = spec.positions[stage.frame];
  const cursor = x(now);
  ctx.clearRect(0, 0, w, h);
  ctx.fillStyle = theme.text;
  ctx.globalAlpha = 0.07;
  ctx.fillRect(0, 0, cursor, h);
  ctx.globalAlpha = 0.3;
  // A mark for each frame while they can be told apart, on the lower edge.
  ctx.fillStyle = ctx.strokeStyle;
  if (spec.positions.length <= 64 && !spec.columns.length)
    for (const position of spec.positions) ctx.fillRect(x(position) - dpr / 2, h - 5 * dpr, dpr, 5 * dpr);
  ctx.globalAlpha = 1;
  paintGrid(ctx, spec, chart);
  spec.curves.forEach((curve, i) => { paintCurve(ctx, curve, dashOf(spec.curves, i), chart); });
  ctx.strokeStyle = ctx.fillStyle = theme.text;
  ctx.lineWidth = 2 * dpr;
  segment(ctx, [cursor, 0], [cursor, h]);
  if (!spec.curves.length) disc(ctx, cursor, h / 2, 7 * dpr);
  for (const curve of spec.curves) {
    const value = valueAt(curve, now);
    if (!Number.isFinite(value)) continue;
    ctx.fillStyle = theme.roles[curve.role];
    disc(ctx, cursor, y(value), 4.5 * dpr);
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = 1.5 * dpr;
    ctx.stroke();
  }
}

/** The axes of the curves: lines across the strip and marks under it, with their words. @param {Context} ctx @param {TimelineSpec} _1 @param {Chart} chart */
function paintGrid(ctx, { rows, columns }, { x, y, w, h, bottom, ...view }) {
  const { dpr, theme } = view;
  ctx.strokeStyle = theme.text;
  ctx.lineWidth = dpr;
  for (const [value, words] of rows) {
    ctx.globalAlpha = 0.15;
    segment(ctx, [0, y(value)], [w, y(value)]);
    ctx.globalAlpha = 0.75;
    write(ctx, words, 5 * dpr, Math.max(8 * dpr, y(value) - 7 * dpr), view, { size: 11 });
  }
  for (const [value, words] of columns) {
    const at = clamp(x(value), 8 * dpr, w - 8 * dpr);
    ctx.globalAlpha = 0.75;
    const align = at > w - 60 * dpr ? "right" : at < 60 * dpr ? "left" : "center";
    write(ctx, words, at, h - 8 * dpr, view, { size: 11, align });
    ctx.globalAlpha = 0.3;
    segment(ctx, [x(value), bottom], [x(value), bottom + 4 * dpr]);
  }
  ctx.globalAlpha = 1;
}

const DASHES = [[], [7, 4], [2, 3]];

/** How a curve's line is broken, in CSS pixels: two of one colour never look alike. @param {CurveSpec[]} curves @param {number} i */
export const dashOf = (curves, i) => DASHES[curves.slice(0, i).filter(({ role }) => role === curves[i].role).length % DASHES.length];

/** @param {Context} ctx @param {CurveSpec} curve @param {number[]} dash @param {Chart} chart */
function paintCurve(ctx, { role, xy: { shape: [count], values } }, dash, { x, y, dpr, theme, bottom }) {
  const [line, area] = [new Path2D(), new Path2D()];
  let start = NaN; // where the present piece of the curve began
  for (let i = 0; i <= count; i++) {
    const [cx, cy] = [x(values[2 * i]), y(values[2 * i + 1])]; // past the last point: not a number
    if (Number.isFinite(cy)) {
      for (const path of [line, area]) path[Number.isFinite(start) ? "lineTo" : "moveTo"](cx, cy);
      if (!Number.isFinite(start)) start = cx;
    } else if (Number.isFinite(start)) {
      area.lineTo(x(values[2 * i - 2]), bottom);
      area.lineTo(start, bottom);
      area.closePath();
      start = NaN;
    }
  }
  ctx.strokeStyle = ctx.fillStyle = theme.roles[role];
  ctx.globalAlpha = 0.1;
  ctx.fill(area);
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1.75 * dpr;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash.map((part) => part * dpr));
  ctx.stroke(line);
  ctx.setLineDash([]);
}

/** The curve's height at abscissa `t`, linear between its points. @param {CurveSpec} _0 @param {number} t */
export function valueAt({ xy: { shape, values } }, t) {
  const count = shape[0];
  if (t <= values[0]) return values[1];
  for (let i = 1; i < count; i++) {
    const [x0, x1] = [values[2 * i - 2], values[2 * i]];
    if (t > x1) continue;
    const share = x1 > x0 ? (t - x0) / (x1 - x0) : 1;
    return values[2 * i - 1] + share * (values[2 * i + 1] - values[2 * i - 1]);
  }
  return values[2 * count - 1];
}
