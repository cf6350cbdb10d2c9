// Buttons that hand out files. A button stays the same element while what it hands out changes, so that a press that began
// before an answer of the page and ends after it is a click like any other.

import { element, keepBright } from "./dom.js";
import { styles } from "./mount.js";

const dress = await styles("offers.css");

function fill(/** @type {HTMLElement} */ button, /** @type {OfferSpec} */ { label, icon, href, name, film }) {
  const wanted = `${icon}|${label}`;
  if (button.dataset.wanted !== wanted)
    button.replaceChildren(element("span", { className: "icon", "aria-hidden": "true" }, icon), label);
  button.dataset.wanted = wanted;
  button.onclick = () => {
    const at = new URL(href, document.baseURI);
    if (!name) at.searchParams.set("frame", shownFrame(film));
    element("a", { href: at.href, download: name }).click();
  };
}

/** The frame of the film of that key, or of the page's first film. @param {string} [key] */
function shownFrame(key) {
  for (const { shadowRoot } of document.querySelectorAll(key ? `.st-key-${key}, .st-key-${key} *` : "*")) {
    const film = /** @type {HTMLElement | null} */ (shadowRoot?.querySelector("[data-frame]"));
    if (film) return film.dataset.frame;
  }
  return "0";
}

/** @param {Mounted} _0 */
export default function ({ parentElement, data }) {
  if (!data) return;
  dress(parentElement);
  keepBright(parentElement);
  const root = parentElement.querySelector(".offers");
  while (root.childElementCount > data.length) root.lastElementChild.remove();
  while (root.childElementCount < data.length) root.append(element("button", { type: "button" }));
  for (const [i, button] of [...root.querySelectorAll("button")].entries()) fill(button, data[i]);
}
