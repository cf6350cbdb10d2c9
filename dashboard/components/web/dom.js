// Small helpers for building the page: elements, icons, numbers, canvases.

/** The properties that a node has, and attributes of the other names. @param {Element} node @param {Record<string, any>} properties */
export function set(node, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && !name.startsWith("aria") && name !== "role") Object.assign(node, { [name]: value });
    else node.setAttribute(name, value);
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [properties] @param {...(Node | string)} children
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  set(node, properties);
  node.append(...children);
  return node;
}

/** A picture under its title. @param {string} className @param {...Node} below */
export function framed(className, ...below) {
  const title = element("span", { className: "title" });
  const head = element("figcaption", {}, title);
  const canvas = element("canvas", { role: "img" });
  const picture = element("div", { className: "picture" }, canvas);
  return { figure: element("figure", { className }, head, picture, ...below), head, title, canvas, picture };
}

// Icons on a 24 × 24 grid, drawn with strokes in the text's colour.
/** @type {Record<string, string>} */
const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5.5v13M16 5.5v13",
  back: "M17 6l-7 6 7 6zM7 6v12",
  next: "M7 6l7 6-7 6zM17 6v12",
  save: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  film: "M4 6h11v12H4zM15 10.5l5-3v9l-5-3",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  lecture: "M3 4h18v12H3zM12 16v4M8 20h8",
};

/** @param {HTMLElement} button @param {string} name @param {string} label */
export function setIcon(button, name, label) {
  if (button.querySelector("svg")?.dataset.name !== name)
    button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true" data-name="${name}"><path d="${ICONS[name]}"></path></svg>`;
  set(button, { "aria-label": label, title: label });
}

/** @param {string} name @param {string} label @param {() => void} onclick @param {string} [className] */
export function iconButton(name, label, onclick, className = "tool") {
  const button = element("button", { type: "button", className, onclick });
  setIcon(button, name, label);
  return button;
}

/** Whether a link is of a lecture: the picture without its controls. */
export const isLecture = (/** @type {string} */ link) => new URLSearchParams(link).get("present") === "1";

/** The link of a page with the other mode: into a lecture, or out of it, where its range of frames has no meaning. @param {string} link */
export function lectureOf(link) {
  const asked = new URLSearchParams(link);
  if (isLecture(link)) for (const name of ["present", "from", "to"]) asked.delete(name);
  else asked.set("present", "1");
  return `?${asked}`;
}

/** The buttons that show a component alone: in a lecture, and on the full screen where the browser has one. @param {HTMLElement} root */
export function aloneButtons(root) {
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
  const words = isLecture(location.search) ? "Leave the lecture mode" : "Lecture mode: the picture without its controls";
  const lecture = iconButton("lecture", words, () => location.assign(lectureOf(location.search)));
  return document.fullscreenEnabled ? [lecture, iconButton("full", "Full screen", full)] : [lecture];
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const round3 = (/** @type {number} */ value) => Number(value.toPrecision(3)).toString().replace("-", "−");

/** Makes a canvas as large as its box in device pixels; how many of them are a CSS pixel. @param {HTMLCanvasElement} canvas */
export function fit(canvas) {
  const dpr = Math.min(devicePixelRatio || 1, 3);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * dpr)));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return dprOf(canvas);
}

export const dprOf = (/** @type {HTMLCanvasElement} */ canvas) => canvas.width / Math.max(1, canvas.clientWidth);
/** @param {number} width @param {number} height */
export const surface = (width, height) => element("canvas", { width, height });

/** A surface like the page, to paint a picture on that is saved. @param {number} w @param {number} h @param {Theme} theme */
export function page(w, h, theme) {
  const ctx = surface(w, h).getContext("2d");
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, w, h);
  return ctx;
}

/** @param {Context} ctx @param {number} x @param {number} y @param {number} radius */
export function disc(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

/** @param {Context} ctx @param {Point} _1 @param {Point} _2 */
export function segment(ctx, [x0, y0], [x1, y1]) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
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

/** Hand the picture to the person as a file named after what it shows. @param {HTMLCanvasElement} canvas @param {...string} words */
export function saveCanvas(canvas, ...words) {
  canvas.toBlob((blob) => saveBlob(blob, "png", ...words));
}

/** @param {Blob} blob @param {string} ending @param {...string} words What the file is named after. */
export function saveBlob(blob, ending, ...words) {
  const said = words.filter(Boolean).join(" ").toLowerCase();
  const name = said.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "picture";
  const link = element("a", { href: URL.createObjectURL(blob), download: `${name}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Streamlit fades what a running script has not drawn again yet. Right for a table that may be out of date; a picture which is
// being dragged would flicker with every move.
export function keepBright(/** @type {ShadowRoot} */ parent) {
  /** @type {HTMLElement | null} */ (parent.host?.closest(".stElementContainer"))?.style.setProperty("opacity", "1", "important");
}

/** For whoever measures: new data are on the screen with the next frame. `detail` says what they are. @param {HTMLElement} root @param {object} detail */
export function tellPainted(root, detail) {
  root.dispatchEvent(new CustomEvent("painted", { bubbles: true, composed: true, detail }));
}
