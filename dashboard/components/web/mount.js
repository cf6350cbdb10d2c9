// What Streamlit calls whenever the data or the theme of a component changes. All that must survive this (frame, play, drag, picks,
// ink, hidden layers) lives in one object for each mounted element; a message only brings a new scene to adopt.

import { readTheme } from "./colour.js";
import { keepBright } from "./dom.js";
import { around } from "./room.js";

const sheets = new Map();

/** A style sheet of this folder, fetched once for all components of a page. @param {string} name */
function sheet(name) {
  if (!sheets.has(name))
    sheets.set(name, fetch(new URL(name, import.meta.url)).then(async (answer) => {
      if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
      return new CSSStyleSheet().replace(await answer.text());
    }));
  return sheets.get(name);
}

/** What dresses a component, `(root) => …`. A module waits for it before anything is shown: sizes depend on it. @param {...string} names */
export async function styles(...names) {
  const found = await Promise.all(names.map(sheet));
  return (/** @type {ShadowRoot} */ parent) => { parent.adoptedStyleSheets = found; };
}

/**
 * The default export of the component in `div.<name>`. `create` adds to its object what is built once, `adopt` takes what
 * Python sends, and `paint` shows it: all, or what shows the point `moved`.
 * @param {string} name @param {string[]} dresses
 * @param {{create(one: any): void, adopt(one: any, data: Uint8Array): void, paint(one: any, moved: string | null): void}} _2
 * @returns {Promise<(mounted: Mounted) => (() => void) | undefined>}
 */
export async function mounting(name, dresses, { create, adopt, paint }) {
  const dress = await styles(...dresses);
  /** @type {WeakMap<ShadowRoot, any>} */
  const all = new WeakMap();
  const begin = (/** @type {ShadowRoot} */ parent) => {
    dress(parent);
    /** @type {any} */
    const one = { root: parent.querySelector(`.${name}`), painting: 0, moved: null };
    one.paint = (/** @type {string | null} */ moved = null) => {
      cancelAnimationFrame(one.painting);
      one.painting = 0;
      paint(one, moved);
    };
    // At most one painting for each frame of the screen, however many reasons there are. With the `name` of a point that alone
    // has moved, only what shows it: a browser without a graphics card pays for every pixel.
    one.repaint = (/** @type {string | null} */ point = null) => {
      one.moved = one.painting && one.moved !== point ? null : point;
      one.painting ||= requestAnimationFrame(() => one.paint(one.moved));
    };
    create(one);
    // Later than the notice: what is resized in answer to it would be another one in the same frame, which browsers call an error.
    const resize = () => requestAnimationFrame(() => { if (all.has(parent)) one.resized?.(); });
    one.observer = new ResizeObserver((changes) => {
      resize();
      if (changes.some(({ target }) => target === one.root)) one.repaint();
    });
    for (const node of [one.root, ...around(one.root)]) one.observer.observe(node);
    return one;
  };
  return ({ parentElement, data, setStateValue }) => {
    if (!data) return undefined;
    const one = all.get(parentElement) ?? begin(parentElement);
    all.set(parentElement, one);
    keepBright(parentElement);
    one.emit = setStateValue;
    one.theme = readTheme(one.root);
    adopt(one, data);
    return () => {
      one.observer.disconnect();
      one.playing = false;
      for (const request of [one.raf, one.painting]) cancelAnimationFrame(request);
      for (const timer of [one.settling, one.sender?.timer]) clearTimeout(timer);
      one.root.replaceChildren();
      all.delete(parentElement);
    };
  };
}
