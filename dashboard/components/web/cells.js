// The cells over a sheet's tiles: what pointer, finger and keyboard pick, and what a screen reader reads.

import { clamp, element } from "./dom.js";
import { caption, count, paintLarge } from "./sheets.js";

/** @param {Wall} wall @param {Sheet} sheet @param {SheetSpec} spec */
export function fillCells(wall, sheet, spec) {
  const picking = Object.keys(wall.scene.picks).length > 0;
  if (!picking) {
    sheet.cells?.remove();
    sheet.cells = null;
    return;
  }
  const n = count(spec);
  if (sheet.cells?.childElementCount === n) return;
  sheet.cells?.remove();
  sheet.cells = element("div", { className: "cells", role: "listbox" });
  // Captions may have changed with the frame since the labels were written.
  sheet.cells.addEventListener("focusin", () => markPicks(wall));
  for (let i = 0; i < n; i++) {
    const cell = element("div", { className: "cell", role: "option" });
    cell.onclick = () => pick(wall, i);
    cell.onkeydown = (event) => onCellKey(wall, sheet, i, event);
    sheet.cells.append(cell);
  }
  sheet.picture.append(sheet.cells);
}

/** @param {Sheet} sheet */
const cellsOf = (sheet) => /** @type {HTMLElement[]} */ ([...sheet.cells.children]);

/** @param {Wall} wall @param {number} tile */
function pick(wall, tile) {
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
    button.setAttribute("aria-checked", button.dataset.name === wall.active);
    const at = wall.picks[button.dataset.name];
    button.setAttribute("aria-label", `${button.dataset.name}, now tile ${at + 1}`);
  }
  wall.root.dataset.picks = names.map((name) => wall.picks[name]).join(",");
  for (const sheet of wall.sheets) {
    if (!sheet.cells) continue;
    wall.focus = clamp(wall.focus, 0, sheet.cells.childElementCount - 1);
    sheet.cells.setAttribute("aria-label", `${sheet.spec.title}: arrow keys move, Enter picks`);
    cellsOf(sheet).forEach((cell, i) => {
      const here = names.filter((name) => wall.picks[name] === i);
      const words = caption(sheet.spec, wall.frame, i);
      cell.tabIndex = i === wall.focus ? 0 : -1;
      cell.setAttribute("aria-selected", here.length > 0);
      cell.setAttribute("aria-label", [`tile ${i + 1}`, words].filter(Boolean).join(", "));
      if (here.length && names.length > 1) cell.dataset.names = here.join(" ");
      else delete cell.dataset.names;
    });
  }
}
