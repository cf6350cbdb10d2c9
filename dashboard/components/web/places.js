// Where things are: int16 steps and data units to pixels and back, y up.

import { HALF } from "./blob.js";

/** @param {number} q @param {number} w */
export const px = (q, w) => (q / HALF + 1) * 0.5 * w;
/** @param {number} q @param {number} h */
export const py = (q, h) => (1 - q / HALF) * 0.5 * h;
/** @param {Layer} layer @param {number} frame */
export const frameOf = (layer, frame) => (layer.frames === 1 ? 0 : frame);

/** @param {Frame} _0 @param {Point} _1 @returns {Point} */
export function toPixels({ w, h, extent: [x0, x1, y0, y1] }, [x, y]) {
  return [((x - x0) / (x1 - x0)) * w, ((y1 - y) / (y1 - y0)) * h];
}

/** @param {Frame} _0 @param {Point} _1 @returns {Point} */
export function toData({ w, h, extent: [x0, x1, y0, y1] }, [x, y]) {
  const inside = (/** @type {number} */ t) => Math.min(1, Math.max(0, t));
  return [x0 + inside(x / w) * (x1 - x0), y1 - inside(y / h) * (y1 - y0)];
}
