// Walls of grey tiles: one or two sheets over one timeline, with tiles to pick and the picked one large beside them.
//
// A film is one uint8 array [frames, tiles, h, w]. The tiles of a frame lie one below the other in it, so a frame is one
// look-up per pixel into an image of that shape, and one drawImage per tile puts it on its place.
//
// As on the stage, all that must outlive a message from Python (frame, play, picks) lives in `walls`, keyed by the element.
// Picks are the browser's: Python hears of them and says only where they begin, so a film is not sent again for a pick.

const walls = new WeakMap();
const TILE_GAP = 4; // CSS pixels between tiles
const LEAST = { bare: 28, worded: 50 }; // smallest tile before a row takes fewer: what a finger hits, what a caption needs
const WORDS = 17; // CSS pixels of a caption's line

const GREYS = Uint32Array.from({ length: 256 }, (_, v) => ((255 << 24) | (v << 16) | (v << 8) | v) >>> 0);

function createWall(parent) {
  const root = parent.querySelector(".wall");
  const sheets = element("div", { className: "sheets" });
  const choices = element("div", { className: "picks", role: "radiogroup", "aria-label": "The next tile becomes" });
  const wall = {
    root, box: sheets, choices, sheets: [], large: null, scene: null, theme: null, frame: 0, playing: false, scrubbing: false,
    raf: 0, painting: 0, said: null, picks: {}, active: "", focus: 0, emit: () => {},
  };
  buildTimeline(wall);
  const save = iconButton("save", "Download the picture (png)");
  save.onclick = () => downloadWall(wall);
  wall.tools = element("span", { className: "tools" }, save);
  root.append(choices, sheets, wall.timeline.root);
  wall.observer = new ResizeObserver(() => repaint(wall));
  wall.observer.observe(root);
  return wall;
}

function adoptWall(wall, data) {
  const before = wall.scene;
  wall.scene = decodeBlob(data);
  wall.theme = readTheme(wall.root);
  const { sheets, picks, enlarge, maxWidth } = wall.scene;
  wall.root.style.setProperty("--sheet-width", `${maxWidth}px`);
  // A sheet is to fit on the screen with its timeline; a row of tiles may be as wide as it likes.
  wall.root.style.setProperty("--wide", Math.max(1, sheets[0].columns / Math.ceil(count(sheets[0]) / sheets[0].columns)));
  wall.root.dataset.sheets = sheets.length;
  if (wall.sheets.length !== sheets.length || !!wall.large !== enlarge) buildSheets(wall, sheets.length, enlarge);
  const names = Object.keys(picks);
  const fresh = JSON.stringify([picks, count(sheets[0])]);
  if (wall.fresh !== fresh) wall.picks = { ...picks };
  wall.fresh = fresh;
  if (!names.includes(wall.active)) wall.active = names[0] ?? "";
  sheets.forEach((spec, i) => fillSheet(wall, wall.sheets[i], spec));
  fillChoices(wall, names);
  adoptTimeline(wall, before);
  markPicks(wall);
  paint(wall);
  wall.root.dataset.ready = "true";
}

const count = (spec) => spec.pixels.shape[1];
const framesOf = (spec) => spec.pixels.shape[0];

function buildSheets(wall, howMany, enlarge) {
  wall.sheets = Array.from({ length: howMany }, () => {
    const title = element("span");
    const head = element("figcaption", {}, title);
    const canvas = element("canvas", { role: "img" });
    const picture = element("div", { className: "picture" }, canvas);
    return { figure: element("figure", { className: "sheet" }, head, picture), head, title, canvas, picture, cells: null, spec: null };
  });
  wall.sheets.at(-1).head.append(wall.tools);
  wall.large = enlarge ? buildLarge(wall) : null;
  wall.box.replaceChildren(...wall.sheets.map((sheet) => sheet.figure), ...(wall.large ? [wall.large.figure] : []));
}

function buildLarge(wall) {
  const ones = wall.sheets.map(() => {
    const [canvas, said] = [element("canvas", { role: "img" }), element("div", { className: "said" })];
    return { canvas, said, node: element("div", { className: "one" }, canvas, said) };
  });
  const title = element("span");
  const pair = element("div", { className: "pair" }, ...ones.map((one) => one.node));
  return { ones, title, figure: element("figure", { className: "large" }, element("figcaption", {}, title), pair) };
}

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

// Where tiles lie, in device pixels: as many columns as asked for, fewer where they would be too small.
function layout(sheet) {
  const { spec, picture, canvas } = sheet;
  const [, n, h, w] = spec.pixels.shape;
  const width = picture.clientWidth;
  const least = spec.captions.length ? LEAST.worded : LEAST.bare;
  const columns = clamp(Math.floor((width + TILE_GAP) / (least + TILE_GAP)), 1, Math.min(spec.columns, n));
  const rows = Math.ceil(n / columns);
  const words = spec.captions.length ? WORDS : 0;
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
  fit(canvas);
  const dpr = canvas.width / Math.max(1, canvas.clientWidth);
  return { n, h, w, columns, words, dpr, tile, pitch };
}

// The tiles of a frame as an image, one below the other.
function strip(sheet, frame) {
  const { pixels: { values, shape: [frames, n, h, w] } } = sheet.spec;
  const at = frames === 1 ? 0 : frame;
  if (sheet.drawn === at) return sheet.strip;
  sheet.drawn = at;
  const { packed } = sheet;
  const start = at * n * h * w;
  for (let i = 0; i < packed.length; i++) packed[i] = GREYS[values[start + i]];
  sheet.strip.getContext("2d").putImageData(sheet.image, 0, 0);
  return sheet.strip;
}

function paintSheet(wall, sheet) {
  const { n, h, w, columns, words, dpr, tile, pitch } = layout(sheet);
  const ctx = sheet.canvas.getContext("2d");
  const image = strip(sheet, wall.frame);
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

function caption({ captions }, frame, tile) {
  return captions.length ? captions[captions.length === 1 ? 0 : frame][tile] : "";
}

function paintLarge(wall) {
  const { large } = wall;
  if (!large) return;
  const tile = Object.values(wall.picks)[0] ?? 0;
  large.title.textContent = `Tile ${tile + 1}`;
  wall.sheets.forEach((sheet, k) => {
    const { canvas, said } = large.ones[k];
    const [, , h, w] = sheet.spec.pixels.shape;
    fit(canvas);
    const ctx = canvas.getContext("2d");
    ctx.imageSmoothingEnabled = sheet.spec.smooth;
    ctx.drawImage(strip(sheet, wall.frame), 0, tile * h, w, h, 0, 0, canvas.width, canvas.height);
    const words = [wall.sheets.length > 1 ? sheet.spec.title : "", caption(sheet.spec, wall.frame, tile)].filter(Boolean).join(": ");
    if (said.textContent !== words) said.textContent = words;
    canvas.setAttribute("aria-label", `Tile ${tile + 1} of: ${sheet.spec.title}`);
  });
}

// At most one painting for each frame of the screen, however many reasons there are.
function repaint(wall) {
  wall.painting ||= requestAnimationFrame(() => paint(wall));
}

function paint(wall) {
  cancelAnimationFrame(wall.painting);
  wall.painting = 0;
  wall.sheets.forEach((sheet) => paintSheet(wall, sheet));
  paintLarge(wall);
  if (wall.scene.timeline && !wall.timeline.root.hidden) paintStrip(wall);
}

// The sheets side by side with their titles and the frame in words, at the size they have on the screen.
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

export default function ({ parentElement, data, setStateValue }) {
  if (!data) return undefined;
  let wall = walls.get(parentElement);
  if (!wall) {
    wall = createWall(parentElement);
    walls.set(parentElement, wall);
  }
  keepBright(parentElement);
  wall.emit = setStateValue;
  adoptWall(wall, data);
  return () => {
    wall.observer.disconnect();
    wall.playing = false;
    cancelAnimationFrame(wall.raf);
    cancelAnimationFrame(wall.painting);
    clearTimeout(wall.settling);
    wall.root.replaceChildren();
    walls.delete(parentElement);
  };
}
