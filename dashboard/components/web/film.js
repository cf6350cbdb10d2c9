// A film as a file: every frame drawn as the picture's file is, and recorded by the browser at the speed at which it plays.

import { iconButton, saveBlob, setIcon } from "./dom.js";

const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];
const MOST = 30; // frames a second of a file: players and slides want no more
const BITS = 8e6; // a second: thin lines and single points keep their edges

/** A button that saves the film of a stage or a wall; `draw` gives the picture of a frame, `name` what the file is called. @param {Player} player @param {(frame: number) => HTMLCanvasElement} draw @param {() => string} name */
export function filmButton(player, draw, name) {
  const kind = KINDS.find((each) => globalThis.MediaRecorder?.isTypeSupported(each));
  const button = iconButton("film", "Download the film", () => {
    if (button.dataset.busy) return;
    button.dataset.busy = "true";
    setIcon(button, "film", "Recording: the film is saved when it has played once");
    record(player, draw, kind).then((film) => saveBlob(film, kind.includes("mp4") ? "mp4" : "webm", name(), player.scene.timeline.title)).finally(() => {
      delete button.dataset.busy;
      setIcon(button, "film", "Download the film");
    });
  }, "tool film");
  button.hidden = !kind;
  return button;
}

/** @param {Player} player @param {(frame: number) => HTMLCanvasElement} draw @param {string} kind @returns {Promise<Blob>} */
async function record(player, draw, kind) {
  const { frame, scene: { timeline } } = player;
  const skip = Math.max(1, Math.ceil(timeline.fps / MOST));
  const canvas = document.createElement("canvas");
  const first = draw(0);
  [canvas.width, canvas.height] = [first.width, first.height];
  const stream = canvas.captureStream(0);
  const track = /** @type {CanvasCaptureMediaStreamTrack} */ (stream.getVideoTracks()[0]);
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const done = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  try {
    for (let at = 0; at < timeline.count; at = at === timeline.count - 1 ? timeline.count : Math.min(at + skip, timeline.count - 1)) {
      canvas.getContext("2d").drawImage(draw(at), 0, 0);
      track.requestFrame();
      await new Promise((resolve) => { setTimeout(resolve, (1000 * skip) / timeline.fps); });
    }
  } finally {
    recorder.stop();
    player.frame = frame;
    player.repaint();
  }
  await done;
  return new Blob(parts, { type: kind });
}
