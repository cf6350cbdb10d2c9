// Dragging named points: pointer, touch and arrow keys, and what Python is told of it.
//
// The point under the finger follows the finger and nothing else. Python is sent the newest place when it has answered the
// last one, or after `PATIENCE`: never a flood, always the final place. Messages are numbered, and the number comes back
// with the next scene: a scene that was computed for an older place cannot pull the handle back. Each names the buffers that
// this stage holds, so that the answer leaves them out, and the frame that is looked at while a point is held.

import { clamp, element, round3, set } from "./dom.js";
import { toData, toPixels } from "./places.js";

// ms to wait for the answer of a message before the next. A message interrupts the run that works on the one before: with less
// patience than a run takes there would be no answer at all until the drag ends.
const PATIENCE = 500;
const PACE = 50; // ms between two messages at least
const NEAREST = "*"; // as Python calls it: whichever handle is nearest comes to a click
/** @type {Record<string, number>} */
const REACH = { mouse: 22, pen: 28, touch: 34 }; // CSS pixels within which a handle is grabbed

/** Tell Python, `now` or as soon as it has answered. @param {Stage} stage @param {boolean} now */
export function send(stage, now = false) {
  stage.sender.waiting = true;
  pump(stage, now);
}

function pump(/** @type {Stage} */ stage, now = false) {
  const { sender } = stage;
  clearTimeout(sender.timer);
  if (!sender.waiting) return;
  const rest = now ? 0 : (sender.heard >= sender.seq ? PACE : PATIENCE) - (performance.now() - sender.sentAt);
  if (rest > 0) sender.timer = setTimeout(() => pump(stage), rest);
  else {
    Object.assign(sender, { waiting: false, seq: sender.seq + 1, sentAt: performance.now(), told: [...stage.kept.keys()] });
    const still = stage.drag ? stage.frame : null; // a film stands still meanwhile
    stage.emit("points", { seq: sender.seq, at: { ...stage.points }, held: sender.told, still });
  }
}

/** Take Python's places, unless a newer one is on its way to it or under the finger. @param {Stage} stage */
export function hearPoints(stage) {
  const { sender, scene } = stage;
  sender.heard = scene.seq;
  if (stage.fresh) sender.seq = scene.seq;
  if (stage.drag || sender.waiting || scene.seq < sender.seq) {
    for (const [name, at] of Object.entries(scene.points)) stage.points[name] ??= at;
  } else stage.points = { ...scene.points };
  pump(stage);
}

/** @param {Pane} pane @param {PointerEvent} event @returns {Point} */
function local(pane, event) {
  const box = pane.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** A view in CSS pixels, for pointers and buttons. @param {Pane} pane */
const cssView = ({ canvas, spec: { extent } }) => ({ w: canvas.clientWidth, h: canvas.clientHeight, extent });

/** @param {Stage} stage @param {Pane} pane @param {Point} _0 @param {number} reach */
function nearest(stage, pane, [x, y], reach) {
  let [best, least] = [/** @type {Pick<Drag, "name" | "dx" | "dy">} */ (null), reach];
  for (const name of pane.buttons.keys()) {
    const [hx, hy] = toPixels(cssView(pane), stage.points[name]);
    const distance = Math.hypot(hx - x, hy - y);
    if (distance <= least) [best, least] = [{ name, dx: hx - x, dy: hy - y }, distance];
  }
  return best;
}

/** Which point comes to a click. @param {Stage} stage @param {Pane} pane @param {Point} at */
function pickedAt(stage, pane, at) {
  const { pick } = pane.spec;
  return pick === NEAREST ? nearest(stage, pane, at, Infinity)?.name : pick;
}

export function watchPointer(/** @type {Stage} */ stage, /** @type {Pane} */ pane) {
  const { picture } = pane;
  /** @type {number | null} */
  let tap = null; // a finger that is not on a handle: it scrolls the page, or picks when it is lifted where it came down
  picture.onpointerdown = (event) => {
    if (event.button !== 0 || stage.drag) return;
    const at = local(pane, event);
    const grabbed = nearest(stage, pane, at, REACH[event.pointerType] ?? 22);
    const called = pickedAt(stage, pane, at);
    if (!grabbed && !called) return;
    tap = !grabbed && event.pointerType === "touch" ? event.pointerId : null;
    if (tap !== null) return;
    picture.setPointerCapture(event.pointerId);
    // A handle keeps its distance from the finger; a pick comes to it.
    stage.drag = { pane, pointer: event.pointerId, ...(grabbed ?? { name: called, dx: 0, dy: 0 }) };
    picture.classList.add("held");
    if (!grabbed) moveTo(stage, pane, stage.drag.name, toData(cssView(pane), at));
    pane.buttons.get(stage.drag.name)?.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
    stage.root.classList.remove("keyed");
    stage.repaint();
  };
  picture.onpointermove = (event) => {
    const { drag } = stage;
    if (drag?.pointer !== event.pointerId || drag.pane !== pane) {
      if (!drag) picture.classList.toggle("over", !!nearest(stage, pane, local(pane, event), REACH.mouse));
      return;
    }
    const [x, y] = local(pane, event);
    moveTo(stage, pane, drag.name, toData(cssView(pane), [x + drag.dx, y + drag.dy]));
  };
  picture.onpointerup = picture.onpointercancel = (event) => {
    if (tap === event.pointerId) {
      tap = null;
      const at = local(pane, event);
      const called = pickedAt(stage, pane, at);
      if (event.type === "pointerup" && called) moveTo(stage, pane, called, toData(cssView(pane), at));
      return;
    }
    if (stage.drag?.pointer !== event.pointerId) return;
    stage.drag = null;
    picture.classList.remove("held");
    send(stage, true); // another view may be chosen next, and nothing would be left of this one
    stage.repaint();
  };
}

/** A point on a rail has the y of its handle, wherever it is pulled. @param {Stage} stage @param {Pane} pane @param {string} name @param {Point} _1 */
function moveTo(stage, pane, name, [x, y]) {
  const handle = pane.spec.layers.find((layer) => layer.kind === "handle" && layer.name === name);
  stage.points[name] = [x, handle?.rail ?? y];
  send(stage);
  placeButtons(stage);
  stage.repaint(name);
}

/** Every named point of a pane has a button over it, invisible but for its focus ring: that is what the keyboard moves. @param {Stage} stage @param {Pane} pane */
export function buildButtons(stage, pane) {
  const handles = pane.spec.layers.filter((layer) => layer.kind === "handle");
  const names = new Map(handles.map((layer) => [layer.name, layer.label]));
  if (pane.spec.pick && pane.spec.pick !== NEAREST && !stage.scene.panes.some((p) => p.layers.some((l) => l.name === pane.spec.pick)))
    names.set(pane.spec.pick, pane.spec.pick);
  for (const [name, button] of pane.buttons) {
    if (names.has(name)) continue;
    button.remove();
    pane.buttons.delete(name);
  }
  for (const [name, label] of names) {
    if (!pane.buttons.has(name)) {
      const said = { role: "slider", "aria-roledescription": "movable point", "data-name": name };
      const button = element("div", { className: "handle", tabIndex: 0, ...said });
      button.onkeydown = (event) => nudge(stage, pane, name, event);
      pane.buttons.set(name, button);
      pane.picture.append(button);
    }
    pane.buttons.get(name).setAttribute("aria-label", `${label}: arrow keys move it`);
  }
}

/** @param {Stage} stage @param {Pane} pane @param {string} name @param {KeyboardEvent} event */
function nudge(stage, pane, name, event) {
  // A handle that was clicked has focus but no ring until a key is used.
  stage.root.classList.add("keyed");
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!way) return;
  event.preventDefault();
  const [x0, x1, y0, y1] = pane.spec.extent;
  const by = event.shiftKey ? 0.05 : 0.01;
  const [x, y] = stage.points[name];
  moveTo(stage, pane, name, [clamp(x + way[0] * by * (x1 - x0), x0, x1), clamp(y + way[1] * by * (y1 - y0), y0, y1)]);
}

export function placeButtons(/** @type {Stage} */ stage) {
  for (const pane of stage.panes) {
    for (const [name, button] of pane.buttons) {
      const [left, top] = toPixels(cssView(pane), stage.points[name]).map((at) => at.toFixed(1));
      const [x, y] = stage.points[name].map(round3);
      button.style.transform = `translate(${left}px, ${top}px)`;
      set(button, { "aria-valuenow": x.replace("−", "-"), "aria-valuetext": `x ${x}, y ${y}` });
    }
  }
}
