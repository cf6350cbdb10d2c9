// The cells over a sheet's tiles: what pointer, finger and keyboard pick, and what a screen reader reads.

import { clamp, element, set } from "./dom.js";
import { caption, count, paintLarge } from "./sheets.js";

export function fillCells(/** @type {Wall} */ wall, /** @type {Sheet} */ sheet) {
  const n = Object.keys(wall.scene.picks).length ? count(sheet.spec) : 0;
  if ((sheet.cells?.childElementCount ?? 0) === n) return;
  sheet.cells?.remove();
  sheet.cells = n ? element("div", { className: "cells", role: "listbox" }) : null;
  // Captions may have changed with the frame since the labels were written.
  sheet.cells?.addEventListener("focusin", () => markPicks(wall));
  for (let i = 0; i < n; i++) {
    const cell = element("div", { className: "cell", role: "option", onclick: () => pick(wall, i) });
    cell.onkeydown = (event) => onCellKey(wall, sheet, i, event);
    sheet.cells.append(cell);
  }
  if (n) sheet.picture.append(sheet.cells);
}

const cellsOf = (/** @type {Sheet} */ sheet) => /** @type {HTMLElement[]} */ ([...sheet.cells.children]);

function pick(/** @type {Wall} */ wall, /** @type {number} */ tile) {
  const names = Object.keys(wall.scene.picks);
  wall.picks[wall.active] = tile;
  wall.active = names[(names.indexOf(wall.active) + 1) % names.length];
  wall.focus = tile;
  markPicks(wall);
  paintLarge(wall);
  wall.emit("picks", { at: { ...wall.picks }, of: count(wall.scene.sheets[0]) });
}

/** @param {Wall} wall @param {Sheet} sheet @param {number} tile @param {KeyboardEvent} event */
function onCellKey(wall, sheet, tile, event) {
  const last = count(sheet.spec) - 1;
  /** @type {Record<string, number>} */
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -sheet.columns, ArrowDown: sheet.columns, Home: -tile, End: last - tile };
  if (event.key === "Enter" || event.key === " ") pick(wall, tile);
  else if (event.key in moves) {
    const to = tile + moves[event.key];
    if (to >= 0 && to <= last) wall.focus = to;
    markPicks(wall);
    cellsOf(sheet)[wall.focus].focus();
  } else return;
  event.preventDefault();
}

/** One cell of a sheet is in the tab order; arrow keys go from there. @param {Wall} wall */
export function markPicks(wall) {
  const names = Object.keys(wall.scene.picks);
  for (const button of wall.choices.querySelectorAll("button")) {
    const { name } = button.dataset;
    set(button, { "aria-checked": name === wall.active, "aria-label": `${name}, now tile ${wall.picks[name] + 1}` });
  }
  wall.root.dataset.picks = names.map((name) => wall.picks[name]).join(",");
  for (const sheet of wall.sheets) {
    if (!sheet.cells) continue;
    wall.focus = clamp(wall.focus, 0, sheet.cells.childElementCount - 1);
    sheet.cells.setAttribute("aria-label", `${sheet.spec.title}: arrow keys move, Enter picks`);
    cellsOf(sheet).forEach((cell, i) => {
      const here = names.filter((name) => wall.picks[name] === i);
      const words = [`tile ${i + 1}`, caption(sheet.spec, wall.frame, i)].filter(Boolean).join(", ");
      set(cell, { tabIndex: i === wall.focus ? 0 : -1, "aria-selected": here.length > 0, "aria-label": words });
      if (here.length && names.length > 1) cell.dataset.names = here.join(" ");
      else delete cell.dataset.names;
    });
  }
}
