// Model cards with film strips that play under the pointer, on focus, or once when a touch screen scrolls them into view;
// and the lecture's topics, whose films play by themselves.

import { decodeBlob } from "./blob.js";
import { element, reducedMotion, tellPainted } from "./dom.js";
import { styles } from "./mount.js";

const dress = await styles("gallery.css");
const FILM_MS = 1700; // from noise to the finished result
const REST_MS = 1100; // on the result before it plays again
const galleries = new WeakMap();

function frameAt(/** @type {Film} */ film, /** @type {number} */ frame) {
  film.node.style.backgroundPositionY = film.frames > 1 ? `${(100 * frame) / (film.frames - 1)}%` : "0%";
  film.node.dataset.frame = String(frame);
}

function start(/** @type {Film} */ film, { once = false } = {}) {
  if (film.raf) return;
  const begun = performance.now();
  const tick = (/** @type {number} */ time) => {
    const elapsed = Math.max(0, time - begun);
    if (once && elapsed > FILM_MS) return stop(film);
    const phase = (elapsed % (FILM_MS + REST_MS)) / FILM_MS;
    frameAt(film, Math.min(film.frames - 1, Math.floor(phase * film.frames)));
    film.raf = requestAnimationFrame(tick);
  };
  film.raf = requestAnimationFrame(tick);
}

function stop(/** @type {Film} */ film) {
  cancelAnimationFrame(film.raf);
  film.raf = 0;
  frameAt(film, film.frames - 1);
}

/** @returns {Film} */
function buildFilm(/** @type {Gallery} */ gallery, /** @type {{ filmHref: string, frames: number }} */ { filmHref, frames }) {
  const node = element("div", { className: filmHref ? "film" : "film empty", "aria-hidden": "true" });
  const film = { node, frames, raf: 0 };
  if (!filmHref) return film;
  node.dataset.film = filmHref;
  gallery.lazy.observe(node);
  node.style.backgroundSize = `100% ${100 * frames}%`;
  frameAt(film, frames - 1);
  return film;
}

function buildCard(/** @type {Gallery} */ gallery, /** @type {CardSpec} */ card) {
  const film = buildFilm(gallery, card);
  const words = element("div", { className: "words" },
    element("strong", {}, card.title), element("span", { className: "family" }, card.family));
  if (card.problem) {
    words.append(element("span", { className: "problem" }, card.problem));
    return element("div", { className: "card broken" }, film.node, words);
  }
  const can = element("div", { className: "can" }, ...card.can.map((name) => element("span", {}, name)));
  const looks = { className: "card", "data-id": card.id };
  const node = card.href ? element("a", { ...looks, href: card.href }) : element("button", { ...looks, type: "button" });
  node.append(film.node, words, can);
  opens(gallery, node, card.id);
  if (card.filmHref) bringAlive(gallery, node, film);
  return node;
}

function opens(/** @type {Gallery} */ gallery, /** @type {HTMLElement} */ node, /** @type {string} */ name) {
  node.onclick = (event) => {
    // A click with a modifier is the browser's own: a new tab or window.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    gallery.emit("open", name);
  };
}

/** A data set: its name, its link, its main models, and its variants behind a line that unfolds. @param {Gallery} gallery @param {Group} group */
function buildGroup(gallery, group) {
  const grid = (/** @type {CardSpec[]} */ cards) => element("div", { className: "grid" }, ...cards.map((card) => buildCard(gallery, card)));
  const head = element("header", {}, element("h3", {}, group.title));
  if (group.link) {
    const link = element("a", { href: group.link.href }, group.link.words);
    opens(gallery, link, group.link.name);
    head.append(link);
  }
  const section = element("section", { "aria-label": group.title }, head, grid(group.cards.filter((card) => !card.variant)));
  const variants = group.cards.filter((card) => card.variant);
  if (!variants.length) return section;
  const names = variants.map((card) => card.title.replaceAll(" = ", "\u00a0=\u00a0")).join(" · ");
  const more = element("summary", {}, element("b", {}, `${variants.length} more`), ` ${names}`);
  section.append(element("details", {}, more, grid(variants)));
  return section;
}

/** A part of the lecture: its topics, whose films play while they are on the screen, and what is to come. @param {Gallery} gallery @param {Part} part */
function buildPart(gallery, part) {
  const cards = part.cards.map((card) => buildTopic(gallery, card));
  const toCome = part.toCome.length ? [element("p", { className: "to-come" }, `Still to come: ${part.toCome.join(", ")}.`)] : [];
  return element("section", { "aria-label": part.title },
    element("header", {}, element("h3", {}, part.title)), element("div", { className: "grid" }, ...cards), ...toCome);
}

function buildTopic(/** @type {Gallery} */ gallery, /** @type {TopicSpec} */ card) {
  const film = buildFilm(gallery, card);
  const words = element("div", { className: "words" }, element("strong", {}, card.title), element("p", {}, card.idea));
  if (card.href) words.append(element("span", { className: "look" }, `${card.look} →`));
  const node = element(card.href ? "a" : "div", { className: "card topic", "data-id": card.name, ...(card.href && { href: card.href }) });
  node.append(film.node, words);
  if (card.href) opens(gallery, node, card.name);
  if (card.filmHref) playOnScreen(gallery, node, film);
  return node;
}

function playOnScreen(/** @type {Gallery} */ gallery, /** @type {HTMLElement} */ node, /** @type {Film} */ film) {
  gallery.films.set(node, film);
  if (reducedMotion()) return;
  gallery.player ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) (isIntersecting ? start : stop)(gallery.films.get(target));
  }, { threshold: 0.5 });
  gallery.player.observe(node);
}

function bringAlive(/** @type {Gallery} */ gallery, /** @type {HTMLElement} */ node, /** @type {Film} */ film) {
  gallery.films.set(node, film);
  node.onfocus = () => node.matches(":focus-visible") && start(film);
  node.onblur = () => stop(film);
  if (reducedMotion()) return;
  node.onpointerenter = (event) => event.pointerType === "mouse" && start(film);
  node.onpointerleave = () => stop(film);
  gallery.watcher?.observe(node);
}

function fillGallery(/** @type {Gallery} */ gallery, /** @type {Uint8Array} */ data) {
  release(gallery);
  if (matchMedia("(hover: none)").matches && !reducedMotion())
    gallery.watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) start(gallery.films.get(target), { once: true });
    }, { threshold: 0.8 });
  // Strips with an address are fetched a screen ahead.
  gallery.lazy = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      const { style, dataset } = /** @type {HTMLElement} */ (target);
      style.backgroundImage = `url("${dataset.film}")`;
      gallery.lazy.unobserve(target);
    }
  }, { root: gallery.scroller, rootMargin: "600px" });
  const { groups, parts } = decodeBlob(data);
  gallery.root.replaceChildren(parts
    ? element("div", { className: "path" }, ...parts.map((/** @type {Part} */ part) => buildPart(gallery, part)))
    : element("div", { className: "groups" }, ...groups.map((/** @type {Group} */ group) => buildGroup(gallery, group))));
  gallery.root.dataset.ready = "true";
  tellPainted(gallery.root, { seq: 0, cells: 0, whole: true });
}

function release(/** @type {Gallery} */ gallery) {
  for (const film of gallery.films.values()) cancelAnimationFrame(film.raf);
  gallery.films.clear();
  gallery.watcher?.disconnect();
  gallery.player?.disconnect();
  gallery.player = undefined;
  gallery.lazy?.disconnect();
}

/** @param {Mounted} _0 */
export default function ({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  if (!galleries.has(parentElement)) {
    dress(parentElement);
    galleries.set(parentElement, { root: parentElement.querySelector(".gallery"), films: new Map() });
  }
  const gallery = galleries.get(parentElement);
  gallery.emit = setTriggerValue;
  gallery.scroller = parentElement.host?.closest(".stMain") ?? null;
  // A change of theme alone brings the same data again: the cards follow it by themselves.
  const print = `${data.length}|${new Uint8Array(data).reduce((hash, byte) => (hash * 31 + byte) | 0, 7)}`;
  if (gallery.seen !== print) fillGallery(gallery, data);
  gallery.seen = print;
  return () => {
    release(gallery);
    gallery.root.replaceChildren();
    galleries.delete(parentElement);
  };
}
