// Asks the server now and then whether its models and data are still those that the page shows. Where they are not, the page
// runs again: when nothing is held, and nobody is typing. An answer that all is as it was costs no run of a page.

import { decodeBlob } from "./blob.js";

const EVERY_MS = 3000;
const TYPING_MS = 1500;
const watches = new WeakMap();
const hand = { held: false, typed: Number.NEGATIVE_INFINITY };

for (const name of ["pointerdown", "pointermove", "pointerup"]) // the last is not heard where it happens outside of the window
  addEventListener(name, (event) => { hand.held = /** @type {PointerEvent} */ (event).buttons > 0; }, { capture: true, passive: true });
addEventListener("pointercancel", () => { hand.held = false; }, { capture: true, passive: true });
addEventListener("input", () => { hand.typed = performance.now(); }, { capture: true, passive: true });

const busy = () => hand.held || performance.now() - hand.typed < TYPING_MS;

async function look(/** @type {Watch} */ watch) {
  if (document.hidden || busy()) return;
  const answer = await fetch(new URL("api/state", document.baseURI), { cache: "no-store" }).catch(() => /** @type {Response} */ (null));
  if (answer?.status === 404) clearInterval(watch.timer); // a server of this page's script alone
  if (!answer?.ok) return;
  const { state } = await answer.json();
  if (busy() || state === watch.state || state === watch.told) return;
  watch.told = state; // once: who draws the page says which state it shows
  watch.emit("changed", state);
}

/** @param {Mounted} _0 */
export default function ({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  const watch = watches.get(parentElement) ?? {};
  watches.set(parentElement, watch);
  watch.emit = setTriggerValue;
  const { state } = decodeBlob(data);
  if (watch.state !== state) watch.told = null;
  watch.state = state;
  watch.timer ??= setInterval(() => look(watch), EVERY_MS);
  return () => {
    clearInterval(watch.timer);
    watches.delete(parentElement);
  };
}
