// Small helpers for building the page: elements, icons, numbers, canvases.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [properties] @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && !name.startsWith("aria") && name !== "role") Object.assign(node, { [name]: value });
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Icons on a 24 × 24 grid, drawn with strokes in the text's colour.
/** @type {Record<string, string>} */
const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5.5v13M16 5.5v13",
  back: "M17 6l-7 6 7 6zM7 6v12",
  next: "M7 6l7 6-7 6zM17 6v12",
  save: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
};

/** @param {string} name */
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  svg.dataset.name = name;
  return svg;
}

/** @param {HTMLElement} button @param {string} name @param {string} label */
export function setIcon(button, name, label) {
  if (button.querySelector("svg")?.dataset.name !== name) button.replaceChildren(icon(name));
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** @param {string} name @param {string} label @param {string} [className] */
export function iconButton(name, label, className = "tool") {
  const button = element("button", { type: "button", className });
  setIcon(button, name, label);
  return button;
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
/** @param {number} value */
export const round3 = (value) => Number(value.toPrecision(3)).toString().replace("-", "−");

/** A canvas as large as its box in device pixels; true when its size changed. @param {HTMLCanvasElement} canvas */
export function fit(canvas) {
  const dpr = Math.min(devicePixelRatio || 1, 3);
  const w = Math.max(1, Math.round(canvas.clientWidth * dpr));
  const h = Math.max(1, Math.round(canvas.clientHeight * dpr));
  if (canvas.width === w && canvas.height === h) return false;
  canvas.width = w;
  canvas.height = h;
  return true;
}

/** @param {number} w @param {number} h */
export function surface(w, h) {
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  return canvas;
}

// A text with a rim of the page's background, readable on any picture; x and y in device pixels, `size` in CSS ones.
/** @param {Context} ctx @param {string} text @param {number} x @param {number} y @param {Ink} _4 @param {{size?: number, colour?: string, weight?: number, align?: CanvasTextAlign}} [_5] */
export function write(ctx, text, x, y, { dpr, theme }, { size = 12, colour = theme.text, weight = 400, align = "left" } = {}) {
  ctx.font = `${weight} ${size * dpr}px ${theme.font}`;
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3 * dpr;
  ctx.strokeStyle = theme.background;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Hand the picture to the person as a file named after what it shows. @param {HTMLCanvasElement} canvas @param {string} words */
export function saveCanvas(canvas, words) {
  const name = words.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "picture";
  canvas.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: `${name}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// Streamlit fades what a running script has not drawn again yet. Right for a table that may be out of date; a picture which is
// being dragged would flicker with every move.
/** @param {ShadowRoot} parent */
export function keepBright(parent) {
  /** @type {HTMLElement | null} */ (parent.host?.closest(".stElementContainer"))?.style.setProperty("opacity", "1", "important");
}

/** For whoever measures: new data are on the screen with the next frame. `detail` says what they are. @param {HTMLElement} root @param {object} detail */
export function tellPainted(root, detail) {
  root.dispatchEvent(new CustomEvent("painted", { bubbles: true, composed: true, detail }));
}
