// The stage's tools: the picture as a file, and the full screen.

import { aloneButtons, disc, element, iconButton, page, saveCanvas, surface, write } from "./dom.js";
import { filmButton } from "./film.js";
import { paintPane } from "./paint.js";
import { isShown, viewOf } from "./panes.js";
import { wordsOf } from "./timeline.js";

export function buildTools(/** @type {Stage} */ stage) {
  const title = () => stage.scene.panes[0].title;
  const save = () => saveCanvas(compose(stage), title(), wordsOf(stage));
  const draw = (/** @type {number} */ frame) => {
    stage.frame = frame;
    return compose(stage, 1);
  };
  stage.tools = element("span", { className: "tools" }, iconButton("save", "Download the picture (png)", save), filmButton(stage, draw, title));
  stage.tools.append(...aloneButtons(stage.root));
}

/** How high a row of panes is with its title and legend, and how large all rows are. @param {number[][]} sizes @param {number} columns @param {{gap: number, line: number, worded: boolean}} _2 */
export function gridOf(sizes, columns, { gap, line, worded }) {
  const row = Math.max(...sizes.map(([, h]) => h)) + 2 * line;
  const width = sizes.slice(0, columns).reduce((sum, [w]) => sum + w + gap, gap);
  return { row, width, height: Math.ceil(sizes.length / columns) * row + (worded ? line : 0) + gap };
}

/** The panes in their rows with titles, legends and the frame in words, on the page's background. @param {Stage} stage @param {number} scale */
function compose(stage, scale = 2) {
  const [gap, line] = [16 * scale, 30 * scale];
  const sizes = stage.panes.map(({ canvas }) => [canvas.clientWidth * scale, canvas.clientHeight * scale]);
  const words = wordsOf(stage);
  const columns = stage.panes.filter(({ figure }) => figure.offsetTop === stage.panes[0].figure.offsetTop).length;
  const { row, width, height } = gridOf(sizes, columns, { gap, line, worded: !!words });
  const view = { dpr: scale, theme: stage.theme };
  const ctx = page(width, height, stage.theme);
  let [x, y] = [gap, 0];
  stage.panes.forEach((pane, index) => {
    const [w, h] = sizes[index];
    if (index && index % columns === 0) [x, y] = [gap, y + row];
    const picture = surface(w, h);
    paintPane(picture.getContext("2d"), pane.spec, stage.frame, viewOf(stage, index, picture, scale));
    ctx.drawImage(picture, x, y + line);
    ctx.strokeStyle = stage.theme.border;
    ctx.lineWidth = scale;
    ctx.strokeRect(x, y + line, w, h);
    ctx.font = `600 ${15 * scale}px ${stage.theme.font}`;
    const size = 15 * Math.min(1, w / ctx.measureText(pane.spec.title).width);
    write(ctx, pane.spec.title, x, y + line / 2, view, { size, weight: 600 });
    writeLegend(ctx, stage, index, { x, y: y + line * 1.5 + h, w, view });
    x += w + gap;
  });
  if (words) write(ctx, words, gap, height - line / 2 - gap / 2, view, { size: 14 });
  return ctx.canvas;
}

/** @param {Context} ctx @param {Stage} stage @param {number} index @param {{x: number, y: number, w: number, view: Ink}} _3 */
function writeLegend(ctx, stage, index, { x, y, w, view }) {
  const { dpr, theme } = view;
  const end = x + w;
  for (const layer of stage.panes[index].spec.layers.filter((each) => isShown(stage, each))) {
    ctx.font = `400 ${12 * dpr}px ${theme.font}`;
    const room = ctx.measureText(layer.label).width + 30 * dpr;
    if (x + room > end + 14 * dpr) break;
    ctx.fillStyle = theme.roles[layer.role];
    disc(ctx, x + 5 * dpr, y, 5 * dpr);
    write(ctx, layer.label, x + 15 * dpr, y, view, { size: 12 });
    x += room;
  }
}
