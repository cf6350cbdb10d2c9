// Numbers under the panes: those of the frame that is shown.

import { element } from "./dom.js";

export const buildReadouts = () => element("dl", { className: "readouts" });

/** A place for each number, with its name. @param {Stage | Wall} stage */
export function fillReadouts(stage) {
  const { readouts: list, theme, scene: { readouts } } = stage;
  list.hidden = !readouts.length;
  list.replaceChildren(...readouts.map(({ label, role, told }) => {
    const style = role === "neutral" ? "" : `color: ${theme.inks[role]}`;
    return element("div", { title: told }, element("dt", { style }, label), element("dd"));
  }));
  showNumbers(stage);
}

/** The numbers of the frame; one that says nothing there is not shown. @param {Stage | Wall} stage */
export function showNumbers({ readouts: list, frame, scene: { readouts } }) {
  const places = [...list.querySelectorAll("dd")];
  readouts.forEach(({ values }, i) => {
    places[i].textContent = values[values.length > 1 ? frame : 0];
    places[i].parentElement.hidden = !places[i].textContent;
  });
}
