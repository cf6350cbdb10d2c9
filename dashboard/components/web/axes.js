// Light axes inside the picture: ticks on its edges, numbers beside them.

import { write } from "./dom.js";
import { toPixels } from "./places.js";

/** Steps of 1, 2 or 5 times a power of ten, about `wanted` of them. @param {number} low @param {number} high @param {number} wanted */
export function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
  const out = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) out.push(i * step);
  return { at: out, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** @param {Context} ctx @param {View} view */
export function paintAxes(ctx, view) {
  const { w, h, dpr, extent: [x0, x1, y0, y1] } = view;
  const wanted = Math.max(3, Math.min(8, w / dpr / 80));
  const format = (/** @type {number} */ value, /** @type {number} */ digits) => value.toFixed(digits).replace("-", "−");
  ctx.globalAlpha = 0.75;
  for (const horizontal of [true, false]) {
    const { at, digits } = horizontal ? ticks(x0, x1, wanted) : ticks(y0, y1, wanted);
    for (const value of at) {
      const [x, y] = toPixels(view, horizontal ? [value, y0] : [x0, value]);
      const margin = 14 * dpr;
      ctx.strokeStyle = view.theme.text;
      ctx.lineWidth = dpr;
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(horizontal ? x : 4 * dpr, horizontal ? h - 4 * dpr : y);
      ctx.stroke();
      const room = horizontal ? x > 2.2 * margin && x < w - margin : y > margin && y < h - 1.8 * margin;
      if (!room) continue;
      const [left, top] = horizontal ? [x, h - 12 * dpr] : [8 * dpr, y];
      write(ctx, format(value, digits), left, top, view, { size: 11, align: horizontal ? "center" : "left" });
    }
  }
  ctx.globalAlpha = 1;
}
