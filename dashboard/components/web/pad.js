// A pad of h × w grey pixels to paint on with pointer, finger or keyboard: a digit on black, or a mask over an image.
//
// The painting is the browser's until Python asks for a fresh start under another name. Python hears of it at the end of a
// stroke: one byte a pixel, in base64 with that name.

import { decodeBlob } from "./blob.js";
import { rgb } from "./colour.js";
import { clamp, element, fit, surface } from "./dom.js";
import { mounting } from "./mount.js";

// What the ink does, in words: as a drawing it is the image itself, as a mask it takes the image away.
/** @type {Record<string, Record<string, string>>} */
const TOOLS = {
  draw: { lay: "Paint", lift: "Erase", clear: "Clear", keys: "Space paints, Delete erases." },
  mask: { lay: "Erase", lift: "Restore", clear: "Restore all", keys: "Space erases, Delete restores." },
};

function create(/** @type {Pad} */ pad) {
  const tool = (/** @type {() => void} */ onclick) => element("button", { type: "button", onclick });
  const clear = () => { pad.ink.fill(0); tell(pad); pad.repaint(); };
  pad.tools = { lay: tool(() => chooseTool(pad, false)), lift: tool(() => chooseTool(pad, true)), clear: tool(clear) };
  pad.brush = element("input", { type: "range", min: "0.6", max: "6", step: "0.2", "aria-label": "Brush radius in pixels" });
  pad.canvas = element("canvas", { role: "img" });
  pad.picture = element("div", { className: "picture", tabIndex: 0, role: "application" }, pad.canvas);
  const label = element("label", {}, "Brush ", pad.brush);
  pad.root.append(pad.picture, element("div", { className: "bar" }, ...Object.values(pad.tools), label));
  watchStrokes(pad);
  chooseTool(pad, false);
}

function chooseTool(/** @type {Pad} */ pad, /** @type {boolean} */ lift) {
  pad.lift = lift;
  pad.tools.lay.setAttribute("aria-pressed", !lift);
  pad.tools.lift.setAttribute("aria-pressed", lift);
}

function adopt(/** @type {Pad} */ pad, /** @type {Uint8Array} */ data) {
  const before = pad.scene;
  pad.scene = decodeBlob(data);
  const { size: [h, w], mode, start, fresh, brush, maxWidth, alt } = pad.scene;
  pad.root.style.setProperty("--sheet-width", `${maxWidth}px`);
  pad.picture.style.aspectRatio = `${w} / ${h}`;
  if (!before || before.fresh !== fresh || pad.ink.length !== h * w) {
    pad.ink = start ? /** @type {Uint8Array} */ (start.values).slice() : new Uint8Array(h * w);
    pad.brush.value = String(brush);
    pad.stroke = null;
    pad.cursor = [Math.floor(w / 2), Math.floor(h / 2)];
  }
  pad.canvas.setAttribute("aria-label", alt);
  pad.picture.setAttribute("aria-label", `${alt} Arrow keys move the brush, ${TOOLS[mode].keys}`);
  for (const [name, button] of Object.entries(pad.tools)) button.textContent = TOOLS[mode][name];
  pad.paint();
  pad.root.dataset.ready = "true";
}

/** Where a pointer is, in pixels of the pad. @param {Pad} pad @param {PointerEvent} event @returns {Point} */
function cellAt(pad, event) {
  const box = pad.canvas.getBoundingClientRect();
  const { size: [h, w] } = pad.scene;
  return [((event.clientX - box.left) / box.width) * w, ((event.clientY - box.top) / box.height) * h];
}

function watchStrokes(/** @type {Pad} */ pad) {
  const { picture } = pad;
  picture.onpointerdown = (event) => {
    if (event.button !== 0 || pad.stroke) return;
    picture.setPointerCapture(event.pointerId);
    pad.stroke = { pointer: event.pointerId, at: cellAt(pad, event) };
    dab(pad, pad.stroke.at, pad.stroke.at);
    event.preventDefault();
  };
  picture.onpointermove = (event) => {
    if (pad.stroke?.pointer !== event.pointerId) return;
    const at = cellAt(pad, event);
    dab(pad, pad.stroke.at, at);
    pad.stroke.at = at;
  };
  picture.onpointerup = picture.onpointercancel = (event) => {
    if (pad.stroke?.pointer !== event.pointerId) return;
    pad.stroke = null;
    tell(pad);
  };
  picture.onkeydown = (event) => onKey(pad, event);
  picture.onkeyup = (event) => [" ", "Delete"].includes(event.key) && tell(pad);
  picture.onfocus = picture.onblur = () => pad.repaint();
}

function onKey(/** @type {Pad} */ pad, /** @type {KeyboardEvent} */ event) {
  /** @type {Record<string, Point>} */
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0], Delete: [0, 0] };
  if (!(event.key in ways)) return;
  const { size: [h, w] } = pad.scene;
  const [dx, dy] = ways[event.key];
  const [x, y] = [clamp(pad.cursor[0] + dx, 0, w - 1), clamp(pad.cursor[1] + dy, 0, h - 1)];
  pad.cursor = [x, y];
  if (!dx && !dy) dab(pad, [x + 0.5, y + 0.5], [x + 0.5, y + 0.5], event.key === "Delete");
  event.preventDefault();
  pad.repaint();
}

// A stroke from one point to another: the brush is solid up to its radius and fades over one pixel, as a pen's edge does.
/** @param {Pad} pad @param {Point} _0 @param {Point} _1 @param {boolean} [lift] */
function dab(pad, [x0, y0], [x1, y1], lift = pad.lift) {
  const { size: [h, w], mode } = pad.scene;
  const radius = Number(pad.brush.value);
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
      const t = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
      const cover = clamp(radius + 0.5 - Math.hypot(px - t * dx, py - t * dy), 0, 1);
      // A mask has no half-tones: a pixel is painted over or it is not.
      const value = mode === "mask" ? (cover >= 0.5 ? 255 : 0) : Math.round(255 * cover);
      const i = y * w + x;
      // The eraser takes all that it touches, or a soft rim would be left of every stroke.
      if (lift && cover > 0) pad.ink[i] = 0;
      else if (!lift) pad.ink[i] = Math.max(pad.ink[i], value);
    }
  }
  pad.repaint();
}

function tell(/** @type {Pad} */ pad) {
  pad.emit("painted", { pixels: btoa(String.fromCharCode(...pad.ink)), fresh: pad.scene.fresh });
}

/** Drawn: the ink itself. Masked: the image, with the ink over it in the theme's accent. @param {Pad} pad */
function paint(pad) {
  const { size: [h, w], mode, base } = pad.scene;
  const image = new ImageData(w, h);
  const [r, g, b] = rgb(pad.theme.roles.accent);
  const channels = (base?.values.length ?? h * w) / (h * w); // 1 of a grey image, 3 of one in colour
  for (let i = 0; i < h * w; i++) {
    const seen = (/** @type {number} */ k) => (mode === "mask" ? base?.values[channels * i + (k % channels)] ?? 0 : pad.ink[i]);
    const veil = mode === "mask" ? pad.ink[i] / 255 : 0; // nothing of what is erased shows through
    [r, g, b].forEach((c, k) => { image.data[4 * i + k] = seen(k) * (1 - veil) + c * veil; });
    image.data[4 * i + 3] = 255;
  }
  const small = surface(w, h);
  small.getContext("2d").putImageData(image, 0, 0);
  fit(pad.canvas);
  const ctx = pad.canvas.getContext("2d");
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, 0, 0, pad.canvas.width, pad.canvas.height);
  if (!pad.picture.matches(":focus-visible")) return;
  const scale = pad.canvas.width / w;
  const [x, y] = pad.cursor.map((c) => (c + 0.5) * scale);
  ctx.strokeStyle = pad.theme.roles.accent;
  ctx.lineWidth = Math.max(2, scale / 6);
  ctx.beginPath();
  ctx.arc(x, y, Math.max(scale, Number(pad.brush.value) * scale), 0, 2 * Math.PI);
  ctx.stroke();
}

export default await mounting("pad", ["tiles.css"], { create, adopt, paint });
