// Buttons that hand out files. A button stays the same element while what it hands out changes, so that a press that began
// before an answer of the page and ends after it is a click like any other.

import { element, keepBright } from "./dom.js";
import { styles } from "./mount.js";

const dress = await styles("offers.css");

function fill(/** @type {HTMLElement} */ button, /** @type {OfferSpec} */ { label, said, icon, href, name, film }) {
  const words = said?.length ? label.replace("{}", said[Math.min(Number(shownFrame(film)), said.length - 1)]) : label;
  const wanted = `${icon}|${words}`;
  if (button.dataset.wanted !== wanted)
    button.replaceChildren(element("span", { className: "icon", "aria-hidden": "true" }, icon), words);
  button.dataset.wanted = wanted;
  button.onclick = () => {
    const at = new URL(href, document.baseURI);
    if (!name) at.searchParams.set("frame", shownFrame(film));
    element("a", { href: at.href, download: name }).click();
  };
}

/** The film of that key, or the page's first film. @param {string} [key] @returns {HTMLElement | null} */
function filmOf(key) {
  for (const { shadowRoot } of document.querySelectorAll(key ? `.st-key-${key}, .st-key-${key} *` : "*")) {
    const film = /** @type {HTMLElement | null} */ (shadowRoot?.querySelector("[data-frame]"));
    if (film) return film;
  }
  return null;
}

const shownFrame = (/** @type {string | undefined} */ key) => filmOf(key)?.dataset.frame ?? "0";

/** Buttons that say which frame they hand out say it anew with every frame. @type {WeakMap<Element, MutationObserver>} */
const watching = new WeakMap();

/** @param {Element} root @param {OfferSpec[]} data */
function tell(root, data) {
  for (const [i, button] of [...root.querySelectorAll("button")].entries()) fill(button, data[i]);
}

/** @param {Element} root @param {OfferSpec[]} data */
function watch(root, data) {
  watching.get(root)?.disconnect();
  if (!data.some(({ said }) => said?.length)) return;
  const film = filmOf(data[0].film);
  if (!film) {
    if (root.isConnected) setTimeout(watch, 500, root, data); // the film is still on its way
    return;
  }
  const observer = new MutationObserver(() => tell(root, data));
  observer.observe(film, { attributeFilter: ["data-frame"] });
  watching.set(root, observer);
  tell(root, data);
}

/** @param {Mounted} _0 */
export default function ({ parentElement, data }) {
  if (!data) return;
  dress(parentElement);
  keepBright(parentElement);
  const root = parentElement.querySelector(".offers");
  while (root.childElementCount > data.length) root.lastElementChild.remove();
  while (root.childElementCount < data.length) root.append(element("button", { type: "button" }));
  tell(root, data);
  watch(root, data);
}
