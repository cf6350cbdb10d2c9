// Walls of grey or coloured tiles: one or two sheets over one timeline, with tiles to pick and the picked one large beside them.
//
// A film is one uint8 array [frames, tiles, h, w], with a last axis of red, green and blue where it is coloured. The tiles of a
// frame lie one below the other, so it is one image, and one drawImage per tile puts it on its place.
//
// Picks are the browser's: Python hears of them and says only where they begin, so a film is not sent again for a pick.

import { decodeBlob } from "./blob.js";
import { fillCells, markPicks } from "./cells.js";
import { aloneButtons, dprOf, element, framed, iconButton, page, saveCanvas, surface, write } from "./dom.js";
import { filmButton } from "./film.js";
import { mounting } from "./mount.js";
import { buildReadouts, fillReadouts, showNumbers } from "./readouts.js";
import { heightOf, NARROW, roomOf, widthOf } from "./room.js";
import { count, paintLarge, paintSheet, TILE_GAP, WORDS } from "./sheets.js";
import { paintStrip } from "./strip.js";
import { adoptTimeline, buildTimeline, wordsOf } from "./timeline.js";

function create(/** @type {Wall} */ wall) {
  const title = () => wall.scene.sheets[0].title;
  const save = iconButton("save", "Download the picture (png)", () => saveCanvas(compose(wall), title(), wordsOf(wall)));
  const draw = (/** @type {number} */ frame) => {
    wall.frame = frame;
    paint(wall);
    return compose(wall);
  };
  Object.assign(wall, {
    sheets: [], large: null, picks: {}, active: "", focus: 0,
    box: element("div", { className: "sheets" }),
    choices: element("div", { className: "picks", role: "radiogroup", "aria-label": "The next tile becomes" }),
    tools: element("span", { className: "tools" }, save, filmButton(wall, draw, title), ...aloneButtons(wall.root)),
    readouts: buildReadouts(),
    described: () => showNumbers(wall),
    resized: () => layOut(wall),
  });
  buildTimeline(wall);
  wall.timeline.root.prepend(wall.readouts); // the strip stays on the screen, and the numbers with it
  wall.root.append(wall.choices, wall.box, wall.timeline.root);
}

function adopt(/** @type {Wall} */ wall, /** @type {Uint8Array} */ data) {
  const before = wall.scene;
  wall.scene = decodeBlob(data);
  const { sheets, picks, enlarge } = wall.scene;
  wall.root.dataset.sheets = String(sheets.length);
  if (wall.sheets.length !== sheets.length || !!wall.large !== enlarge) buildSheets(wall);
  const names = Object.keys(picks);
  const fresh = JSON.stringify([picks, count(sheets[0])]);
  if (wall.fresh !== fresh) wall.picks = { ...picks };
  wall.fresh = fresh;
  if (!names.includes(wall.active)) wall.active = names[0] ?? "";
  for (const [i, spec] of sheets.entries()) fillSheet(wall, wall.sheets[i], spec);
  fillChoices(wall, names);
  fillReadouts(wall);
  adoptTimeline(wall, before);
  layOut(wall);
  markPicks(wall);
  wall.paint();
  wall.root.dataset.ready = "true";
}

const LARGE = 290; // CSS pixels of the picked tile and the gap to it
const GAP = 18; // between sheets
const LEAST = 24; // of a tile that is to be made out
const FINGER = 22; // of one that a finger hits

/**
 * Tiles as large as lets all rows stand on the first screen with the timeline: in as many columns as Python asks for, or twice or
 * three times as many where that makes them larger by much. A narrow screen scrolls where they would be too small for a finger.
 */
function layOut(/** @type {Wall} */ wall) {
  const { sheets: [{ columns, captions, pixels: { shape: [, n, h, w] } }], enlarge, maxWidth } = wall.scene;
  const width = widthOf(wall.root);
  const across = width < NARROW ? width : (width - (enlarge ? LARGE : 0) - GAP) / wall.sheets.length;
  const narrow = width < NARROW;
  const high = roomOf(wall.root) - heightOf(wall.choices, wall.timeline.root, wall.sheets[0].head);
  const rowsHigh = (/** @type {number} */ tile, /** @type {number} */ many) => Math.ceil(n / many) * ((tile * h) / w + TILE_GAP);
  const filling = (/** @type {number} */ many) => (across + TILE_GAP) / many - TILE_GAP;
  // On a telephone a wall that is too high goes without its captions, which the large tile has, if that brings it onto the screen.
  // Much wider than high is a wall whose columns mean something: they stay.
  const dense = narrow && columns <= Math.ceil(Math.sqrt(n)) + 1
    ? [...Array(n).keys()].find((many) => many >= columns && filling(many) >= FINGER && rowsHigh(filling(many), many) <= high)
    : undefined;
  const fits = rowsHigh(filling(columns), columns) + Math.ceil(n / columns) * (captions.length ? WORDS : 0) <= high;
  wall.bare = dense !== undefined && !fits;
  const words = captions.length && !wall.bare ? WORDS : 0;
  let best = { columns, tile: 0 };
  if (wall.bare) best = { columns: dense, tile: filling(dense) };
  else if (narrow) best.tile = Math.min(filling(columns), maxWidth / columns);
  else for (const many of [columns, 2 * columns, 3 * columns].filter((each) => each === columns || each <= n)) {
    const rows = Math.ceil(n / many);
    const down = ((high - (rows - 1) * TILE_GAP) / rows - words) * (w / h);
    const tile = Math.min(filling(many), down, maxWidth / columns);
    if (tile > 1.2 * best.tile) best = { columns: many, tile };
  }
  wall.columns = best.columns;
  const sheet = best.columns * (Math.max(LEAST, best.tile) + TILE_GAP) - TILE_GAP;
  wall.root.style.setProperty("--sheet", `${Math.floor(sheet)}px`);
}

function buildSheets(/** @type {Wall} */ wall) {
  wall.sheets = wall.scene.sheets.map((spec) => ({ ...framed("sheet"), cells: /** @type {HTMLElement} */ (null), spec }));
  wall.sheets.at(-1).head.append(wall.tools);
  wall.large = wall.scene.enlarge ? buildLarge(wall) : null;
  wall.box.replaceChildren(...wall.sheets.map((sheet) => sheet.figure), ...(wall.large ? [wall.large.figure] : []));
}

function buildLarge(/** @type {Wall} */ wall) {
  const said = () => element("div", { className: "said" });
  const ones = wall.sheets.map(() => ({ canvas: element("canvas", { role: "img" }), said: said() }));
  const pair = ones.map((one) => element("div", { className: "one" }, one.canvas, one.said));
  const title = element("span");
  const below = element("div", { className: "pair" }, ...pair);
  return { ones, title, figure: element("figure", { className: "large" }, element("figcaption", {}, title), below) };
}

function fillSheet(/** @type {Wall} */ wall, /** @type {Sheet} */ sheet, /** @type {SheetSpec} */ spec) {
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
  fillCells(wall, sheet);
}

function fillChoices(/** @type {Wall} */ wall, /** @type {string[]} */ names) {
  wall.choices.hidden = names.length < 2;
  if (wall.choices.dataset.names === String(names)) return;
  wall.choices.dataset.names = String(names);
  wall.choices.replaceChildren("Pick", ...names.map((name) => {
    const onclick = () => { wall.active = name; markPicks(wall); };
    return element("button", { type: "button", role: "radio", "data-name": name, onclick }, name);
  }));
}

function paint(/** @type {Wall} */ wall) {
  for (const sheet of wall.sheets) paintSheet(wall, sheet);
  paintLarge(wall);
  paintStrip(wall);
}

/** The sheets side by side with their titles and the frame in words, at the size they have on the screen. @param {Wall} wall */
function compose(wall) {
  const view = { dpr: dprOf(wall.sheets[0].canvas), theme: wall.theme };
  const [gap, line] = [16 * view.dpr, 30 * view.dpr];
  const words = wordsOf(wall);
  const width = wall.sheets.reduce((sum, { canvas }) => sum + canvas.width + gap, gap);
  const height = Math.max(...wall.sheets.map(({ canvas }) => canvas.height)) + line * (words ? 2 : 1) + gap;
  const ctx = page(width, height, wall.theme);
  let x = gap;
  for (const { canvas, spec } of wall.sheets) {
    write(ctx, spec.title, x, line / 2, view, { size: 15, weight: 600 });
    ctx.drawImage(canvas, x, line);
    x += canvas.width + gap;
  }
  if (words) write(ctx, words, gap, height - line / 2, view, { size: 14 });
  return ctx.canvas;
}

export default await mounting("wall", ["tiles.css", "readouts.css", "timeline.css"], { create, adopt, paint });
