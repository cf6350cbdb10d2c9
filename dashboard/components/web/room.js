// How large pictures may be: whole on the first screen, with their titles, legends and strip.

const LEAST = 176; // CSS pixels: what a smaller picture shows nobody sees
export const NARROW = 560; // CSS pixels: a component that has less stands on a telephone
const EDGE = 12; // CSS pixels between the last line and the screen's edge

/** The scroller of the page that holds a component, and what it scrolls. @param {Element} root @returns {Element[]} */
export function around(root) {
  const main = /** @type {ShadowRoot} */ (root.getRootNode()).host?.closest('[data-testid="stMain"]');
  return main ? [main, ...main.children] : [];
}

/** CSS pixels that parts of a component take below one another. @param {...HTMLElement} parts */
export const heightOf = (...parts) => parts.reduce((sum, part) => sum + (part.hidden ? 0 : part.offsetHeight + 8), 0);

/** CSS pixels that a component may be wide. @param {HTMLElement} root */
export const widthOf = (root) => (root.matches(":fullscreen") ? innerWidth - 2 * EDGE : /** @type {ShadowRoot} */ (root.getRootNode()).host?.clientWidth ?? root.parentElement?.clientWidth ?? 0);

/** CSS pixels from the top of a component to the end of the first screen. @param {HTMLElement} root */
export function roomOf(root) {
  const from = root.getBoundingClientRect().top;
  if (root.matches(":fullscreen")) return innerHeight - 2 * EDGE;
  return innerHeight - from - (around(root)[0]?.scrollTop ?? scrollY) - EDGE;
}

/**
 * How wide each of `n` pictures may be, and how many of them stand in a row: as large as all of them can be in a box `width` wide and
 * `height` high, though neither larger than `most` nor so small that nobody sees them. A picture is `ratio` times as wide as high,
 * `head` is what goes with each row of them, `gap` what is between two.
 * @param {number} n @param {{width: number, height: number, ratio: number, head: number, gap: number, most: number}} box
 */
export function fitted(n, { width, height, ratio, head, gap, most }) {
  let best = { columns: 1, side: 0 };
  for (let columns = n; columns >= 1; columns--) {
    const rows = Math.ceil(n / columns);
    if (columns !== Math.ceil(n / rows)) continue; // as many rows would do with fewer columns
    const across = (width - (columns - 1) * gap) / columns;
    const down = (height - rows * head - (rows - 1) * gap) / rows;
    const side = Math.min(across, down * ratio, most);
    if (side > best.side + 1) best = { columns, side };
  }
  const wide = Math.min(width, LEAST * Math.max(1, ratio));
  return { ...best, side: Math.floor(Math.max(best.side, Math.min(wide, most))) };
}
