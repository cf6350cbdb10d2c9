// Walls of grey or coloured tiles: one or two sheets over one timeline, with tiles to pick and the picked one large beside them.
//
// A film is one uint8 array [frames, tiles, h, w], with a last axis of red, green and blue where it is coloured. The tiles of a frame lie one below the other in it, so a frame is one
// look-up per pixel into an image of that shape, and one drawImage per tile puts it on its place.
//
// As on the stage, all that must outlive a message from Python (frame, play, picks) lives in the object of `mounting`.
// Picks are the browser's: Python hears of them and says only where they begin, so a film is not sent again for a pick.

import { decodeBlob } from "./blob.js";
import { fillCells, markPicks } from "./cells.js";
import { readTheme } from "./colour.js";
import { styles } from "./css.js";
import { element, iconButton, saveCanvas, surface, write } from "./dom.js";
import { mounting } from "./mount.js";
import { count, paintLarge, paintSheet } from "./sheets.js";
import { paintStrip } from "./strip.js";
import { adoptTimeline, buildTimeline } from "./timeline.js";

const dress = await styles("tiles.css", "timeline.css");

/** @param {ShadowRoot} parent */
function createWall(parent) {
  const root = parent.querySelector(".wall");
  const sheets = element("div", { className: "sheets" });
  const choices = element("div", { className: "picks", role: "radiogroup", "aria-label": "The next tile becomes" });
  /** @type {any} */
  const wall = {
    root, box: sheets, choices, sheets: [], large: null, scene: null, theme: null, frame: 0, playing: false, scrubbing: false,
    raf: 0, painting: 0, said: null, picks: {}, active: "", focus: 0, emit: () => {},
  };
  wall.paint = () => paint(wall);
  wall.repaint = () => repaint(wall);
  buildTimeline(wall);
  const save = iconButton("save", "Download the picture (png)");
  save.onclick = () => downloadWall(wall);
  wall.tools = element("span", { className: "tools" }, save);
  root.append(choices, sheets, wall.timeline.root);
  wall.observer = new ResizeObserver(() => repaint(wall));
  wall.observer.observe(root);
  return wall;
}

/** @param {Wall} wall @param {Uint8Array} data */
function adoptWall(wall, data) {
  const before = wall.scene;
  wall.scene = decodeBlob(data);
  wall.theme = readTheme(wall.root);
  const { sheets, picks, enlarge, maxWidth } = wall.scene;
  wall.root.style.setProperty("--sheet-width", `${maxWidth}px`);
  // A sheet is to fit on the screen with its timeline; a row of tiles may be as wide as it likes.
  wall.root.style.setProperty("--wide", Math.max(1, sheets[0].columns / Math.ceil(count(sheets[0]) / sheets[0].columns)));
  wall.root.dataset.sheets = String(sheets.length);
  if (wall.sheets.length !== sheets.length || !!wall.large !== enlarge) buildSheets(wall, sheets.length, enlarge);
  const names = Object.keys(picks);
  const fresh = JSON.stringify([picks, count(sheets[0])]);
  if (wall.fresh !== fresh) wall.picks = { ...picks };
  wall.fresh = fresh;
  if (!names.includes(wall.active)) wall.active = names[0] ?? "";
  for (const [i, spec] of sheets.entries()) fillSheet(wall, wall.sheets[i], spec);
  fillChoices(wall, names);
  adoptTimeline(wall, before);
  markPicks(wall);
  paint(wall);
  wall.root.dataset.ready = "true";
}

/** @param {Wall} wall @param {number} howMany @param {any} enlarge */
function buildSheets(wall, howMany, enlarge) {
  wall.sheets = Array.from({ length: howMany }, () => {
    const title = element("span");
    const head = element("figcaption", {}, title);
    const canvas = element("canvas", { role: "img" });
    const picture = element("div", { className: "picture" }, canvas);
    return { figure: element("figure", { className: "sheet" }, head, picture), head, title, canvas, picture, cells: /** @type {any} */ (null), spec: /** @type {any} */ (null) };
  });
  wall.sheets.at(-1).head.append(wall.tools);
  wall.large = enlarge ? buildLarge(wall) : null;
  wall.box.replaceChildren(...wall.sheets.map((sheet) => sheet.figure), ...(wall.large ? [wall.large.figure] : []));
}

/** @param {Wall} wall */
function buildLarge(wall) {
  const ones = wall.sheets.map(() => {
    const [canvas, said] = [element("canvas", { role: "img" }), element("div", { className: "said" })];
    return { canvas, said, node: element("div", { className: "one" }, canvas, said) };
  });
  const title = element("span");
  const pair = element("div", { className: "pair" }, ...ones.map((one) => one.node));
  return { ones, title, figure: element("figure", { className: "large" }, element("figcaption", {}, title), pair) };
}

/** @param {Wall} wall @param {Sheet} sheet @param {SheetSpec} spec */
function fillSheet(wall, sheet, spec) {
  sheet.spec = spec;
  sheet.title.textContent = spec.title;
  sheet.canvas.setAttribute("aria-label", spec.alt);
  const { shape: [, n, h, w] } = spec.pixels;
  if (sheet.strip?.width !== w || sheet.strip?.height !== n * h) {
    sheet.strip = surface(w, n * h);
    sheet.image = new ImageData(w, n * h);
    sheet.packed = new Uint32Array(sheet.image.data.buffer);
  }
  sheet.drawn = -1;
  fillCells(wall, sheet, spec);
}

/** @param {Wall} wall @param {string[]} names */
function fillChoices(wall, names) {
  wall.choices.hidden = names.length < 2;
  if (wall.choices.dataset.names === String(names)) return;
  wall.choices.dataset.names = String(names);
  wall.choices.replaceChildren("Pick", ...names.map((name) => {
    const button = element("button", { type: "button", role: "radio" }, name);
    button.dataset.name = name;
    button.onclick = () => { wall.active = name; markPicks(wall); };
    return button;
  }));
}

/** At most one painting for each frame of the screen, however many reasons there are. @param {Wall} wall */
function repaint(wall) {
  wall.painting ||= requestAnimationFrame(() => paint(wall));
}

/** @param {Wall} wall */
function paint(wall) {
  cancelAnimationFrame(wall.painting);
  wall.painting = 0;
  for (const sheet of wall.sheets) paintSheet(wall, sheet);
  paintLarge(wall);
  if (wall.scene.timeline && !wall.timeline.root.hidden) paintStrip(wall);
}

/** The sheets side by side with their titles and the frame in words, at the size they have on the screen. @param {Wall} wall */
function downloadWall(wall) {
  const dpr = wall.sheets[0].canvas.width / Math.max(1, wall.sheets[0].canvas.clientWidth);
  const [gap, line] = [16 * dpr, 30 * dpr];
  const words = wall.scene.timeline?.labels[wall.frame] ?? "";
  const width = wall.sheets.reduce((sum, { canvas }) => sum + canvas.width + gap, gap);
  const height = Math.max(...wall.sheets.map(({ canvas }) => canvas.height)) + line * (words ? 2 : 1) + gap;
  const sheet = surface(width, height);
  const ctx = sheet.getContext("2d");
  ctx.fillStyle = wall.theme.background;
  ctx.fillRect(0, 0, width, height);
  let x = gap;
  for (const { canvas, spec } of wall.sheets) {
    write(ctx, spec.title, x, line / 2, { dpr, theme: wall.theme }, { size: 15, weight: 600 });
    ctx.drawImage(canvas, x, line);
    x += canvas.width + gap;
  }
  if (words) write(ctx, words, gap, height - line / 2, { dpr, theme: wall.theme }, { size: 14 });
  saveCanvas(sheet, [wall.sheets[0].spec.title, words].filter(Boolean).join(" "));
}

export default mounting(dress, createWall, adoptWall);
