// The timeline: a strip chart which is the scrubber, with buttons, keys and play.
//
// Python hears of a frame only when scrubbing or playing stops: until then the browser needs nobody.

import { clamp, element, iconButton, isLecture, reducedMotion, set, setIcon } from "./dom.js";
import { dashOf, STRIP_PAD } from "./strip.js";

const END_PAUSE = 900; // ms on the last frame before a loop begins again: it shows what the film was made for
const SETTLED = 250; // ms without another step before a frame counts as chosen

export function buildTimeline(/** @type {Player} */ stage) {
  const play = iconButton("play", "Play", () => setPlaying(stage, !stage.playing), "tool play");
  const back = iconButton("back", "One frame back", () => step(stage, -1));
  const next = iconButton("next", "One frame on", () => step(stage, 1));
  const now = element("span", { className: "now" });
  const key = element("span", { className: "key" });
  const canvas = element("canvas", { "aria-hidden": "true" });
  const strip = element("div", { className: "strip", role: "slider", tabIndex: 0, "aria-valuemin": "0" }, canvas);
  const row = element("div", { className: "transport" }, play, back, next, now, key);
  const root = element("div", { className: "timeline" }, row, strip);
  strip.onkeydown = (event) => onKey(stage, event);
  strip.onpointerdown = (event) => {
    if (event.button !== 0) return;
    strip.setPointerCapture(event.pointerId);
    setPlaying(stage, false, { silent: true });
    stage.scrubbing = true;
    scrubTo(stage, event);
  };
  strip.onpointermove = (event) => stage.scrubbing && scrubTo(stage, event);
  strip.onpointerup = strip.onpointercancel = () => {
    if (!stage.scrubbing) return;
    stage.scrubbing = false;
    settle(stage, 0);
  };
  Object.assign(stage, { frame: 0, playing: false, scrubbing: false, raf: 0, timeline: { root, play, strip, canvas, now, key } });
}

function onKey(/** @type {Player} */ stage, /** @type {KeyboardEvent} */ event) {
  const last = stage.scene.timeline.count - 1;
  const jump = Math.max(1, Math.round(last / 10));
  /** @type {Record<string, number>} */
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: jump, PageDown: -jump, Home: -last, End: last };
  if (event.key === " ") setPlaying(stage, !stage.playing);
  else if (event.key in moves) step(stage, moves[event.key]);
  else return;
  event.preventDefault();
}

function step(/** @type {Player} */ stage, /** @type {number} */ by) {
  setPlaying(stage, false, { silent: true });
  showFrame(stage, clamp(stage.frame + by, 0, stage.scene.timeline.count - 1));
  settle(stage, SETTLED);
}

function scrubTo(/** @type {Player} */ stage, /** @type {PointerEvent} */ event) {
  const box = stage.timeline.strip.getBoundingClientRect();
  const at = (event.clientX - box.left - STRIP_PAD) / (box.width - 2 * STRIP_PAD);
  showFrame(stage, frameNear(stage.scene.timeline.positions, at));
}

export const frameNear = (/** @type {number[]} */ positions, /** @type {number} */ at) =>
  positions.reduce((best, p, i) => (Math.abs(p - at) < Math.abs(positions[best] - at) ? i : best), 0);

function showFrame(/** @type {Player} */ stage, /** @type {number} */ frame, show = stage.repaint) {
  if (stage.frame === frame) return;
  stage.frame = frame;
  describeFrame(stage);
  show();
}

/** Tell Python, once nothing more comes for `wait` milliseconds. @param {Player} stage @param {number} wait */
function settle(stage, wait) {
  clearTimeout(stage.settling);
  stage.settling = setTimeout(() => {
    const chosen = [stage.frame, stage.scene.timeline?.count ?? 1];
    if (String(chosen) === String(stage.said)) return;
    stage.said = chosen;
    stage.emit("frame", chosen);
  }, wait);
}

/** The first and the last frame that play: all of a film, or in a lecture (`present=1`) what its link names as `from` and `to`. @param {string} link @param {number} count @returns {[number, number]} */
export function playedOf(link, count) {
  const asked = new URLSearchParams(link);
  const at = (/** @type {string} */ name, /** @type {number} */ frame) => (/^\d{1,6}$/.test(asked.get(name) ?? "") ? Number(asked.get(name)) : frame);
  const first = at("from", 0), last = Math.min(at("to", count - 1), count - 1);
  return isLecture(link) && first < last ? [first, last] : [0, count - 1];
}

const played = (/** @type {Player} */ stage) => playedOf(location.search, stage.scene.timeline.count);

function setPlaying(/** @type {Player} */ stage, /** @type {boolean} */ playing, { silent = false } = {}) {
  if (stage.playing === playing) return;
  stage.playing = playing;
  setIcon(stage.timeline.play, playing ? "pause" : "play", playing ? "Pause" : "Play");
  stage.root.dataset.playing = String(playing);
  if (!playing) return silent ? undefined : settle(stage, 0);
  clearTimeout(stage.settling);
  const now = performance.now();
  const [first, last] = played(stage);
  const within = stage.frame >= first && stage.frame < last;
  stage.clock = { phase: within ? stage.frame : first, last: now, since: now, ticks: 0 };
  if (!stage.raf) stage.raf = requestAnimationFrame((time) => tick(stage, time));
}

function tick(/** @type {Player} */ stage, /** @type {number} */ time) {
  stage.raf = 0;
  const { clock, scene: { timeline } } = stage;
  if (!stage.playing || !timeline) return;
  const [first, last] = played(stage);
  // A tab that slept, or a slow computer, goes on where it was instead of leaping.
  // While a finger holds a point the film stands still: one thing moves at a time, and the answer has the computer to itself.
  if (!stage.drag) clock.phase += (Math.min(100, Math.max(0, time - clock.last)) * timeline.fps) / 1000;
  clock.last = time;
  if (clock.phase >= last + 1 && !timeline.loop) {
    showFrame(stage, timeline.rest ?? last);
    return setPlaying(stage, false);
  }
  if (clock.phase >= last + 1 + (END_PAUSE * timeline.fps) / 1000) clock.phase = first;
  showFrame(stage, Math.min(last, Math.floor(clock.phase)), stage.paint);
  measure(stage, time);
  stage.raf = requestAnimationFrame((next) => tick(stage, next));
}

/** How often a second the stage really got to draw, over the last full second of play. @param {Player} stage @param {number} time */
function measure(stage, time) {
  const { clock } = stage;
  clock.ticks += 1;
  const elapsed = time - clock.since;
  if (elapsed < 1000) return;
  stage.root.dataset.fps = ((clock.ticks * 1000) / elapsed).toFixed(1);
  clock.since = time;
  clock.ticks = 0;
}

/** The frame in words, its note included. */
export function wordsOf(/** @type {Player} */ { scene: { timeline }, frame }) {
  return timeline ? timeline.labels[frame] + (timeline.notes[frame] ?? "") : "";
}

function describeFrame(/** @type {Player} */ stage) {
  stage.root.dataset.frame = String(stage.frame);
  stage.described?.();
  const { timeline } = stage.scene;
  if (!timeline) return;
  const { strip, now } = stage.timeline;
  const words = wordsOf(stage);
  now.textContent = words;
  set(strip, { "aria-label": timeline.title, "aria-valuemax": timeline.count - 1, "aria-valuenow": stage.frame, "aria-valuetext": words });
}

// A scene came. The frame and the play state are kept while the timeline has as many frames as `before`.
export function adoptTimeline(/** @type {Player} */ stage, /** @type {Player['scene'] | null} */ before) {
  const { timeline } = stage.scene;
  stage.timeline.root.hidden = !timeline || timeline.count < 2;
  const count = timeline?.count ?? 1;
  stage.root.dataset.film = String(count > 1);
  if (count !== (before?.timeline?.count ?? (before ? 1 : 0))) {
    stage.frame = timeline?.start ?? 0;
    setPlaying(stage, false, { silent: true });
    if (timeline?.autoplay && count > 1) {
      if (!reducedMotion()) setPlaying(stage, true);
      else if (timeline.rest != null) { // Python is told of the frame that is shown
        stage.frame = timeline.rest;
        settle(stage, 0);
      }
    }
  }
  if (timeline) {
    stage.timeline.strip.style.height = `${timeline.height}px`;
    stage.timeline.key.replaceChildren(...timeline.curves.map(({ role, label }, i) => {
      const [on, off] = dashOf(timeline.curves, i);
      const dash = on ? `; background: repeating-linear-gradient(to right, var(--colour) 0 ${on}px, transparent 0 ${on + off}px)` : "";
      const swatch = element("span", { className: "swatch swatch-lines", style: `--colour: ${stage.theme.roles[role]}${dash}` });
      return element("span", { className: "entry" }, swatch, label);
    }));
  }
  describeFrame(stage);
}
