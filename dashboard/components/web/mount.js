// What Streamlit calls whenever the data or the theme of a component changes: each element has an object that outlives messages.

import { keepBright } from "./dom.js";

/**
 * @param {(parent: ShadowRoot) => void} dress
 * @param {(parent: ShadowRoot) => any} create
 * @param {(one: any, data: any) => void} adopt
 * @returns {(mounted: Mounted) => (() => void) | undefined}
 */
export function mounting(dress, create, adopt) {
  const all = new WeakMap();
  return ({ parentElement, data, setStateValue }) => {
    if (!data) return undefined;
    let one = all.get(parentElement);
    if (!one) {
      dress(parentElement);
      one = create(parentElement);
      all.set(parentElement, one);
    }
    keepBright(parentElement);
    one.emit = setStateValue;
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
