// Clouds of points and their trails, stamped into a pixel buffer.
//
// Without a graphics card a canvas takes 5 to 15 ms for 2,000 discs and 8 ms for their trails, more than a frame of the screen;
// blending small masks by hand takes 1. The masks come in 4 × 4 shifts of a quarter pixel, so that slow points glide.

import { tinted } from "./colour.js";
import { disc, surface } from "./dom.js";
import { frameOf, NOTHING, px, py } from "./places.js";

const SHIFTS = 4;
const masks = new Map();
/** @type {{image: ImageData, pixels: Uint32Array, bytes: Uint8ClampedArray}} */
const scratch = { image: null, pixels: null, bytes: null };

/** The RGBA pixels of a disc (with an optional halo) for every shift: {size, shifts: [Uint8ClampedArray]}. @param {Theme} theme @param {Look} _1 */
function mask(theme, { colour, radius, halo, opacity }) {
  const key = [colour, radius, halo, opacity, theme.background].join("|");
  if (masks.has(key)) return masks.get(key);
  if (masks.size > 300) masks.clear();
  const size = 2 * Math.ceil(radius + halo + 1) + 1;
  const context = surface(size, size).getContext("2d", { willReadFrequently: true });
  /** @param {number} x @param {number} y @param {number} r @param {string} fill @param {number} alpha */
  const put = (x, y, r, fill, alpha) => {
    Object.assign(context, { globalAlpha: alpha, fillStyle: fill });
    disc(context, x, y, r);
  };
  const shifts = Array.from({ length: SHIFTS * SHIFTS }, (_, i) => {
    const [x, y] = [i % SHIFTS, Math.floor(i / SHIFTS)].map((k) => (size - 1) / 2 + (k + 0.5) / SHIFTS);
    context.clearRect(0, 0, size, size);
    if (halo) put(x, y, radius + halo, theme.background, 0.6 * opacity);
    put(x, y, radius, colour, opacity);
    const { data } = context.getImageData(0, 0, size, size);
    return { data, packed: new Uint32Array(data.buffer) };
  });
  masks.set(key, { size, shifts });
  return masks.get(key);
}

// Put a mask's middle at (x, y). `over` blends as paint does; otherwise the stronger of old and new stays, so that the dots
// of a line join without a seam.
/** @param {Mask} _0 @param {number} x @param {number} y @param {number} w @param {number} h @param {boolean} over */
function stamp({ size, shifts }, x, y, w, h, over) {
  const [fx, fy] = [Math.floor(x), Math.floor(y)];
  const [left, top] = [fx - (size - 1) / 2, fy - (size - 1) / 2];
  if (left >= w || top >= h || left + size <= 0 || top + size <= 0) return;
  const { data, packed } = shifts[Math.floor((y - fy) * SHIFTS) * SHIFTS + Math.floor((x - fx) * SHIFTS)];
  const { pixels, bytes } = scratch;
  const [c0, c1] = [Math.max(0, -left), Math.min(size, w - left)];
  const r1 = Math.min(size, h - top);
  for (let row = Math.max(0, -top); row < r1; row++) {
    let from = row * size + c0;
    let to = (top + row) * w + left + c0;
    for (let column = c0; column < c1; column++, from++, to++) {
      const sa = data[4 * from + 3];
      if (sa === 0) continue;
      const da = bytes[4 * to + 3];
      if (da === 0 || (!over && sa > da) || sa === 255) pixels[to] = packed[from];
      else if (over) blend(bytes, 4 * to, data, 4 * from, sa, da);
    }
  }
}

/** Source over destination with straight alpha. @param {Uint8ClampedArray} to @param {number} i @param {Uint8ClampedArray} from @param {number} j @param {number} sa @param {number} da */
function blend(to, i, from, j, sa, da) {
  const under = (da * (255 - sa)) / 255;
  const alpha = sa + under;
  to[i] = (from[j] * sa + to[i] * under) / alpha;
  to[i + 1] = (from[j + 1] * sa + to[i + 1] * under) / alpha;
  to[i + 2] = (from[j + 2] * sa + to[i + 2] * under) / alpha;
  to[i + 3] = alpha;
}

function clearScratch(/** @type {number} */ w, /** @type {number} */ h) {
  if (scratch.image?.width !== w || scratch.image?.height !== h) {
    scratch.image = new ImageData(w, h);
    scratch.bytes = scratch.image.data;
    scratch.pixels = new Uint32Array(scratch.bytes.buffer);
  } else scratch.pixels.fill(0);
}

/** @param {Layer} layer @param {number} f @param {View} _0 */
function stampTrails(layer, f, { w, h, dpr, theme }) {
  const { shape: [, count], values: xy } = layer.xy;
  const radius = Math.max(0.6, layer.radius * 0.35) * dpr;
  for (let age = Math.min(layer.trail, f); age >= 1; age--) {
    const opacity = 0.6 * layer.opacity * (1 - (age - 1) / layer.trail);
    const dot = mask(theme, { colour: theme.roles[layer.role], radius, halo: 0, opacity });
    for (let i = 0; i < layer.trailCount; i++) {
      const to = ((f - age + 1) * count + i) * 2;
      const from = to - count * 2;
      if (xy[from] === NOTHING || xy[to] === NOTHING) continue;
      const [x0, y0] = [px(xy[from], w), py(xy[from + 1], h)];
      const [dx, dy] = [px(xy[to], w) - x0, py(xy[to + 1], h) - y0];
      const steps = Math.max(1, Math.ceil(Math.hypot(dx, dy) / radius));
      for (let k = 0; k < steps; k++) stamp(dot, x0 + (dx * k) / steps, y0 + (dy * k) / steps, w, h, false);
    }
  }
}

/** The tint of a point: those of a film that stands still may change all the same. @param {Layer} layer @param {number} f @param {number} i */
function tintAt({ tint: { shape: [frames, count], values } }, f, i) {
  return values[Math.min(f, frames - 1) * count + i];
}

/** @param {Context} ctx @param {Layer} layer @param {number} frame @param {View} view */
export function paintPoints(ctx, layer, frame, view) {
  const { w, h, dpr, theme } = view;
  const f = frameOf(layer, frame);
  const key = `${f}|${w}|${h}|${dpr}|${theme.signature}|${view.busy}`;
  if (layer.key !== key) {
    layer.key = key;
    clearScratch(w, h);
    if (layer.trail && layer.xy.shape[0] > 1) stampTrails(layer, f, view);
    const look = { radius: layer.radius * dpr, opacity: layer.opacity, halo: view.busy ? 0.75 * dpr : 0 };
    const disc = (/** @type {string} */ colour) => mask(theme, { ...look, colour });
    const one = layer.tint ? null : disc(theme.roles[layer.role]);
    const { shape: [frames, count], values: xy } = layer.xy;
    const first = Math.min(f, frames - 1) * count;
    for (let i = first; i < first + count; i++)
      if (xy[2 * i] !== NOTHING)
        stamp(one ?? disc(tinted(theme, tintAt(layer, f, i - first))), px(xy[2 * i], w), py(xy[2 * i + 1], h), w, h, true);
    if (layer.sheet?.width !== w || layer.sheet?.height !== h) layer.sheet = surface(w, h);
    layer.sheet.getContext("2d").putImageData(scratch.image, 0, 0);
  }
  ctx.drawImage(layer.sheet, 0, 0);
}
