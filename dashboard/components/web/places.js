// Where things are: int16 steps and data units to pixels and back, y up; and the axes that tell it.

import { clamp, segment, write } from "./dom.js";

export const HALF = 16384; // int16 steps from a pane's centre to its edge
export const NOTHING = -32768; // a coordinate that is not finite

export const px = (/** @type {number} */ q, /** @type {number} */ w) => (q / HALF + 1) * 0.5 * w;
export const py = (/** @type {number} */ q, /** @type {number} */ h) => (1 - q / HALF) * 0.5 * h;
export const frameOf = (/** @type {Layer} */ layer, /** @type {number} */ frame) => (layer.frames === 1 ? 0 : frame);

/** @param {Frame} _0 @param {Point} _1 @returns {Point} */
export function toPixels({ w, h, extent: [x0, x1, y0, y1] }, [x, y]) {
  return [((x - x0) / (x1 - x0)) * w, ((y1 - y) / (y1 - y0)) * h];
}

/** @param {Frame} _0 @param {Point} _1 @returns {Point} */
export function toData({ w, h, extent: [x0, x1, y0, y1] }, [x, y]) {
  return [x0 + clamp(x / w, 0, 1) * (x1 - x0), y1 - clamp(y / h, 0, 1) * (y1 - y0)];
}

/** Steps of 1, 2 or 5 times a power of ten, about `wanted` (≥ 3) of them, three at least. @param {number} low @param {number} high @param {number} wanted */
export function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const sizes = [0.5, 1, 2, 5, 10].map((m) => m * power);
  const few = sizes.findIndex((size) => size >= raw);
  const three = sizes.findLastIndex((size) => Math.floor(high / size) - Math.ceil(low / size) >= 2);
  const step = sizes[Math.min(few, three)];
  const out = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) out.push(i * step);
  return { at: out, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/**
 * Ticks on the edges inside the picture, numbers beside them, and what the axes are called where that is known.
 * @param {Context} ctx @param {View} view @param {boolean} upright @param {string[]} names
 */
export function paintAxes(ctx, view, upright = false, [across = "", up = ""] = []) {
  const { w, h, dpr, extent: [x0, x1, y0, y1] } = view;
  const wanted = Math.max(3, Math.min(8, w / dpr / 80));
  const margin = 14 * dpr;
  ctx.globalAlpha = 0.75;
  for (const horizontal of upright ? [false] : [true, false]) {
    const { at, digits } = horizontal ? ticks(x0, x1, wanted) : ticks(y0, y1, wanted);
    for (const value of at) {
      const [x, y] = toPixels(view, horizontal ? [value, y0] : [x0, value]);
      ctx.strokeStyle = view.theme.text;
      ctx.lineWidth = dpr;
      segment(ctx, [x, y], horizontal ? [x, h - 4 * dpr] : [4 * dpr, y]);
      const room = horizontal ? x > 2.2 * margin && x < w - margin : y > margin && y < h - 1.8 * margin;
      if (!room) continue;
      const [left, top] = horizontal ? [x, h - 12 * dpr] : [8 * dpr, y];
      const words = value.toFixed(digits).replace("-", "−");
      write(ctx, words, left, top, view, { size: 11, align: horizontal ? "center" : "left" });
    }
  }
  write(ctx, across, w - 6 * dpr, h - 27 * dpr, view, { size: 11, align: "right" });
  write(ctx, up, 34 * dpr, 11 * dpr, view, { size: 11 });
  ctx.globalAlpha = 1;
}
