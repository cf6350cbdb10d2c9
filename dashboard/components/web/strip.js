// The strip chart behind the scrubber: curves on scales of their own, marks for the frames, a cursor.

import { fit, write } from "./dom.js";

export const STRIP_PAD = 12; // CSS pixels left and right, so that the knob never leaves the strip

/** @param {Player} stage */
export function paintStrip(stage) {
  const { timeline: spec } = stage.scene;
  const { canvas } = stage.timeline;
  fit(canvas);
  const ctx = canvas.getContext("2d");
  const dpr = canvas.width / Math.max(1, canvas.clientWidth);
  const [w, h] = [canvas.width, canvas.height];
  const { theme } = stage;
  const [top, bottom] = [8 * dpr, h - (spec.columns.length ? 20 : 9) * dpr];
  const x = (/** @type {number} */ t) => (STRIP_PAD + t * (w / dpr - 2 * STRIP_PAD)) * dpr;
  const y = (/** @type {number} */ v) => bottom - v * (bottom - top);
  const cursor = x(spec.positions[stage.frame]);
  ctx.clearRect(0, 0, w, h);
  ctx.fillStyle = theme.text;
  ctx.globalAlpha = 0.07;
  ctx.fillRect(0, 0, cursor, h);
  ctx.globalAlpha = 0.3;
  paintMarks(ctx, spec, x, h, dpr);
  ctx.globalAlpha = 1;
  paintGrid(ctx, spec, { x, y, w, h, dpr, theme, bottom });
  const dots = spec.curves.map((curve) => {
    const colour = theme.roles[curve.role];
    paintCurve(ctx, curve, x, y, { colour, bottom, dpr });
    return { colour, value: valueAt(curve, spec.positions[stage.frame]) };
  });
  ctx.strokeStyle = ctx.fillStyle = theme.text;
  ctx.lineWidth = 2 * dpr;
  ctx.beginPath();
  ctx.moveTo(cursor, 0);
  ctx.lineTo(cursor, h);
  ctx.stroke();
  for (const { colour, value } of dots) {
    if (!Number.isFinite(value)) continue;
    ctx.beginPath();
    ctx.arc(cursor, y(value), 4.5 * dpr, 0, 2 * Math.PI);
    ctx.fillStyle = colour;
    ctx.fill();
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = 1.5 * dpr;
    ctx.stroke();
  }
  if (dots.length) return;
  ctx.beginPath();
  ctx.arc(cursor, h / 2, 7 * dpr, 0, 2 * Math.PI);
  ctx.fill();
}

// Lines across the strip and marks under it, with their words: the axes of its curves.
/** @param {Context} ctx @param {TimelineSpec} _1 @param {Ink & {x: Scale, y: Scale, w: number, h: number, bottom: number}} _2 */
function paintGrid(ctx, { rows, columns }, { x, y, w, h, dpr, theme, bottom }) {
  ctx.strokeStyle = theme.text;
  ctx.lineWidth = dpr;
  const view = { dpr, theme };
  for (const [value, words] of rows) {
    ctx.globalAlpha = 0.15;
    ctx.beginPath();
    ctx.moveTo(0, y(value));
    ctx.lineTo(w, y(value));
    ctx.stroke();
    ctx.globalAlpha = 0.75;
    write(ctx, words, 5 * dpr, Math.max(8 * dpr, y(value) - 7 * dpr), view, { size: 11 });
  }
  for (const [value, words] of columns) {
    const at = Math.min(Math.max(x(value), 8 * dpr), w - 8 * dpr);
    ctx.globalAlpha = 0.75;
    const align = at > w - 60 * dpr ? "right" : at < 60 * dpr ? "left" : "center";
    write(ctx, words, at, h - 8 * dpr, view, { size: 11, align });
    ctx.globalAlpha = 0.3;
    ctx.beginPath();
    ctx.moveTo(x(value), bottom);
    ctx.lineTo(x(value), bottom + 4 * dpr);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

// A mark for each frame while they can be told apart, on the lower edge.
/** @param {Context} ctx @param {TimelineSpec} _1 @param {Scale} x @param {number} h @param {number} dpr */
function paintMarks(ctx, { positions, columns }, x, h, dpr) {
  if (positions.length > 64 || columns.length) return;
  ctx.fillStyle = ctx.strokeStyle;
  for (const position of positions) ctx.fillRect(x(position) - dpr / 2, h - 5 * dpr, dpr, 5 * dpr);
}

/** @param {Context} ctx @param {CurveSpec} curve @param {Scale} x @param {Scale} y @param {{colour: string, bottom: number, dpr: number}} _4 */
function paintCurve(ctx, curve, x, y, { colour, bottom, dpr }) {
  const { shape: [count], values } = { shape: curve.xy.shape, values: curve.xy.values };
  const line = new Path2D();
  const area = new Path2D();
  let start = NaN;
  for (let i = 0; i <= count; i++) {
    const gap = i === count || !Number.isFinite(values[2 * i + 1]);
    if (gap && Number.isFinite(start)) {
      area.lineTo(x(values[2 * i - 2]), bottom);
      area.lineTo(start, bottom);
      area.closePath();
      start = NaN;
    }
    if (gap) continue;
    const [cx, cy] = [x(values[2 * i]), y(values[2 * i + 1])];
    if (!Number.isFinite(start)) {
      start = cx;
      line.moveTo(cx, cy);
      area.moveTo(cx, cy);
    } else {
      line.lineTo(cx, cy);
      area.lineTo(cx, cy);
    }
  }
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.globalAlpha = 0.1;
  ctx.fill(area);
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1.75 * dpr;
  ctx.lineJoin = "round";
  ctx.stroke(line);
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
