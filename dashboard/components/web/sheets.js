// The sheets of a wall: where tiles lie and how they are painted.

import { clamp, fit } from "./dom.js";

export const TILE_GAP = 4; // CSS pixels between tiles
const LEAST = { bare: 22, worded: 40 }; // smallest tile before a row takes fewer: what a finger hits, what a caption needs
export const WORDS = 17; // CSS pixels of a caption's line

export const count = (/** @type {SheetSpec} */ spec) => spec.pixels.shape[1];

/** Packed RGBA pixels of grey bytes, or of red, green and blue in turn, from `at` on. @param {Uint32Array} packed @param {Bytes} values @param {number} at @param {number} channels */
export function packPixels(packed, values, at, channels) {
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let i = 0; i < packed.length; i++, at += channels)
    packed[i] = ((255 << 24) | (values[at + blue] << 16) | (values[at + green] << 8) | values[at]) >>> 0;
}

/** Where tiles lie, in device pixels: as many columns as asked for, fewer where they would be too small. @param {Sheet} sheet @param {number} most @param {boolean} bare without captions */
function layout(sheet, most, bare) {
  const { spec, picture, canvas } = sheet;
  const [, n, h, w] = spec.pixels.shape;
  const width = picture.clientWidth;
  const [least, words] = spec.captions.length && !bare ? [LEAST.worded, WORDS] : [LEAST.bare, 0];
  const columns = clamp(Math.floor((width + TILE_GAP) / (least + TILE_GAP)), 1, Math.min(most, n));
  const rows = Math.ceil(n / columns);
  const tile = (width - (columns - 1) * TILE_GAP) / columns;
  const pitch = [tile + TILE_GAP, (tile * h) / w + words + TILE_GAP];
  const height = Math.max(1, rows * pitch[1] - TILE_GAP);
  if (sheet.height !== height) picture.style.height = `${height}px`;
  sheet.height = height;
  const key = `${columns}|${words}|${(tile * h / w).toFixed(2)}`;
  if (sheet.cells && sheet.cells.dataset.key !== key) {
    sheet.cells.dataset.key = key;
    sheet.cells.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
    sheet.cells.style.gap = `${TILE_GAP + words}px ${TILE_GAP}px`;
    sheet.cells.style.gridAutoRows = `${(tile * h) / w}px`;
  }
  sheet.columns = columns;
  const dpr = fit(canvas);
  return { n, h, w, columns, words, dpr, tile, pitch };
}

/** The tiles of a frame as an image, one below the other. @param {Sheet} sheet @param {number} frame */
function frameImage(sheet, frame) {
  const { pixels: { values, shape: [frames, n, h, w, channels = 1] } } = sheet.spec;
  const at = frames === 1 ? 0 : frame;
  if (sheet.drawn === at) return sheet.strip;
  sheet.drawn = at;
  packPixels(sheet.packed, values, at * n * h * w * channels, channels);
  sheet.strip.getContext("2d").putImageData(sheet.image, 0, 0);
  return sheet.strip;
}

export function paintSheet(/** @type {Wall} */ wall, /** @type {Sheet} */ sheet) {
  const { n, h, w, columns, words, dpr, tile, pitch } = layout(sheet, wall.columns, wall.bare);
  const ctx = sheet.canvas.getContext("2d");
  const image = frameImage(sheet, wall.frame);
  ctx.clearRect(0, 0, sheet.canvas.width, sheet.canvas.height);
  ctx.imageSmoothingEnabled = sheet.spec.smooth;
  ctx.strokeStyle = wall.theme.border;
  ctx.lineWidth = dpr;
  for (let i = 0; i < n; i++) {
    const [x, y] = [(i % columns) * pitch[0], Math.floor(i / columns) * pitch[1]];
    const [x0, y0] = [Math.round(x * dpr), Math.round(y * dpr)];
    const [x1, y1] = [Math.round((x + tile) * dpr), Math.round((y + (tile * h) / w) * dpr)];
    ctx.drawImage(image, 0, i * h, w, h, x0, y0, x1 - x0, y1 - y0);
    // A rim, for black tiles on a dark page and white ones on a light page.
    ctx.strokeRect(x0 + dpr / 2, y0 + dpr / 2, x1 - x0 - dpr, y1 - y0 - dpr);
    if (!words) continue;
    ctx.font = `${Math.min(12, tile / 4.2) * dpr}px ${wall.theme.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = wall.theme.inks[sheet.spec.role];
    ctx.fillText(caption(sheet.spec, wall.frame, i), (x0 + x1) / 2, y1 + (words / 2 + 1) * dpr, x1 - x0);
  }
}

/** @param {SheetSpec} _0 @param {number} frame @param {number} tile */
export const caption = ({ captions }, frame, tile) => (captions.length ? captions[captions.length === 1 ? 0 : frame][tile] : "");

export function paintLarge(/** @type {Wall} */ wall) {
  const { large, sheets, picks } = wall;
  if (!large) return;
  const tile = Object.values(picks)[0] ?? 0;
  large.title.textContent = `Tile ${tile + 1}`;
  sheets.forEach((sheet, k) => {
    const { canvas, said } = large.ones[k];
    const [, , h, w] = sheet.spec.pixels.shape;
    fit(canvas);
    const ctx = canvas.getContext("2d");
    ctx.imageSmoothingEnabled = sheet.spec.smooth;
    ctx.drawImage(frameImage(sheet, wall.frame), 0, tile * h, w, h, 0, 0, canvas.width, canvas.height);
    const words = [sheets.length > 1 ? sheet.spec.title : "", caption(sheet.spec, wall.frame, tile)].filter(Boolean).join(": ");
    if (said.textContent !== words) said.textContent = words;
    canvas.setAttribute("aria-label", `Tile ${tile + 1} of: ${sheet.spec.title}`);
  });
}
