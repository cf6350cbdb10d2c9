// The parts of the components that need no page: what is decoded, where things lie, which colours and ticks come out.

import assert from "node:assert/strict";
import { test } from "node:test";

const WEB = "../../../../dashboard/components/web";
// The colours' parser is a canvas; here one that knows #rrggbb alone.
const probe = {
  fillStyle: "", clearRect() {}, fillRect() {},
  getImageData() { return { data: [1, 3, 5].map((at) => Number.parseInt(this.fillStyle.slice(at, at + 2), 16)).concat(255) }; },
};
globalThis.document = /** @type {any} */ ({ createElement: () => ({ getContext: () => probe }), fullscreenEnabled: false });
const load = (/** @type {string} */ name) => import(`${WEB}/${name}.js`);

const { decodeBlob } = await load("blob");
const { fromOklab, oklab, ramp } = await load("colour");
const { clamp, lectureOf, round3 } = await load("dom");
const { HALF, NOTHING, px, py, ticks, toData, toPixels } = await load("places");
const { fitted } = await load("room");
const { packPixels } = await load("sheets");
const { valueAt } = await load("strip");
const { frameNear, playedOf } = await load("timeline");
const { gridOf } = await load("tools");

/** @param {object} header @param {Uint8Array[]} buffers */
function blob(header, ...buffers) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = text.length + ((8 - ((text.length + 4) % 8)) % 8);
  const bytes = new Uint8Array(4 + length + buffers.reduce((sum, b) => sum + b.length, 0)).fill(32);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes.set(text, 4);
  let at = 4 + length;
  for (const buffer of buffers) {
    bytes.set(buffer, at);
    at += buffer.length;
  }
  return bytes;
}

test("buffers of a blob become typed arrays of their shape, wherever the bytes lie", () => {
  const xy = new Int16Array([HALF, -HALF, NOTHING, 7]);
  const sent = blob({ seq: 1, xy: { i2: [2, 2], at: 0 } }, new Uint8Array(xy.buffer));
  const shifted = new Uint8Array(sent.length + 3);
  shifted.set(sent, 3);
  const { xy: found, lacks } = decodeBlob(shifted.subarray(3));
  assert.deepEqual(found, { shape: [2, 2], values: xy });
  assert.equal(lacks, false);
});

test("a named buffer that was left out is taken from those kept, or said to lack", () => {
  const kept = new Map();
  const named = { name: "a", u1: [8] };
  decodeBlob(blob({ seq: 0, v: { ...named, at: 0 } }, new Uint8Array(8).fill(9)), kept);
  assert.deepEqual([...kept.keys()], ["a"]);
  assert.equal(decodeBlob(blob({ seq: 0, v: { held: "a" } }), kept).v.values[7], 9);
  assert.equal(decodeBlob(blob({ seq: 0, v: { held: "b" } }), kept).lacks, true);
});

test("a buffer of JSON is what it says, kept by its name", () => {
  const raw = new TextEncoder().encode('["t = 1","t = 2"] ');
  const kept = new Map();
  const sent = decodeBlob(blob({ seq: 0, labels: { json: [17], at: 0, name: "l" } }, raw), kept);
  assert.deepEqual(sent.labels, ["t = 1", "t = 2"]);
  assert.deepEqual(decodeBlob(blob({ seq: 0, labels: { held: "l" } }), kept).labels, ["t = 1", "t = 2"]);
});

test("what is fixed comes as a buffer that counts the others", () => {
  const raw = new TextEncoder().encode(JSON.stringify({ panes: [{ title: "x", xy: { entry: 0 } }] }).padEnd(56));
  const entries = [{ u1: [8], at: 56 }];
  const fixed = { u1: [56], at: 0, name: "f" };
  const kept = new Map();
  const { panes } = decodeBlob(blob({ seq: 0, fixed, entries }, raw, new Uint8Array(8).fill(9)), kept);
  assert.deepEqual([panes[0].title, panes[0].xy.values[7]], ["x", 9]);
  entries[0].at = 0;
  const again = decodeBlob(blob({ seq: 0, fixed: { held: "f" }, entries }, new Uint8Array(8).fill(7)), kept);
  assert.deepEqual([again.panes[0].title, again.panes[0].xy.values[7]], ["x", 7]);
  assert.equal(decodeBlob(blob({ seq: 0, fixed: { held: "f" }, entries }, new Uint8Array(8))).lacks, true);
});

test("what a message on its way has told of is kept until its answer", () => {
  const kept = new Map([["a", { shape: [1], values: new Uint8Array(1) }]]);
  decodeBlob(blob({ seq: 1 }), kept, { seq: 2, told: ["a"] });
  assert.ok(kept.has("a"));
  decodeBlob(blob({ seq: 2 }), kept, { seq: 2, told: ["a"] });
  assert.ok(!kept.has("a"));
});

test("steps, data units and pixels agree, y up", () => {
  assert.deepEqual([px(-HALF, 200), px(0, 200), px(HALF, 200)], [0, 100, 200]);
  assert.deepEqual([py(-HALF, 100), py(HALF, 100)], [100, 0]);
  /** @type {any} */
  const view = { w: 300, h: 100, extent: [-1, 2, -1, 0] };
  assert.deepEqual(toPixels(view, [0, 0]), [100, 0]);
  assert.deepEqual(toData(view, toPixels(view, [1.5, -0.25])), [1.5, -0.25]);
  assert.deepEqual(toData(view, [-50, 500]), [-1, -1]); // never outside
});

test("ticks are steps of 1, 2 or 5 times a power of ten, with digits to tell them apart", () => {
  assert.deepEqual(ticks(-4, 4, 8), { at: [-4, -3, -2, -1, 0, 1, 2, 3, 4], digits: 0 });
  assert.deepEqual(ticks(0, 1, 5).digits, 1);
  assert.ok(ticks(0, 0.013, 4).at.length >= 3);
  assert.deepEqual(ticks(-4.9, 4.9, 3), { at: [-4, -2, 0, 2, 4], digits: 0 }); // ±5 have no room
  for (const [low, high] of [[-4.9, 4.9], [-0.4, 9.7], [2.1, 2.9], [-95, 30]]) {
    for (let wanted = 3; wanted < 9; wanted += 0.5) {
      assert.ok(ticks(low, high, wanted).at.length >= 3, `${low} to ${high}, ${wanted}`);
    }
  }
});

test("a colour survives OKLab, and a ramp is even in lightness between page and role", () => {
  for (const colour of [[0, 114, 178], [213, 94, 0], [255, 255, 255], [0, 0, 0]])
    assert.deepEqual(fromOklab(oklab(colour)), colour);
  /** @type {any} */
  const theme = { background: "#ffffff", dark: false, roles: { data: "#0072b2" }, ramps: new Map() };
  const packed = ramp(theme, { role: "data", diverging: false, lowRole: "model" });
  assert.equal(packed[0], 0); // nothing is transparent
  const light = [1, 65, 129, 193].map((i) => oklab([packed[i] & 255, (packed[i] >> 8) & 255, (packed[i] >> 16) & 255])[0]);
  const falls = light.slice(1).map((l, i) => light[i] - l);
  assert.ok(Math.max(...falls) - Math.min(...falls) < 0.01, String(falls));
});

test("bytes become pixels, one of grey or three of colour each", () => {
  const grey = new Uint32Array(2);
  packPixels(grey, new Uint8Array([9, 0, 255]), 1, 1);
  assert.deepEqual([...grey], [0xff000000, 0xffffffff]);
  const colour = new Uint32Array(2);
  packPixels(colour, new Uint8Array([1, 2, 3, 255, 0, 16]), 0, 3);
  assert.deepEqual([...colour], [0xff030201, 0xff1000ff]);
});

test("a curve is linear between its points and holds at its ends", () => {
  const xy = { shape: [3, 2], values: new Float32Array([0, 1, 0.5, 3, 1, 2]) };
  const at = [-1, 0.25, 0.5, 0.75, 2].map((t) => valueAt(/** @type {any} */ ({ xy }), t));
  assert.deepEqual(at, [1, 2, 3, 2.5, 2]);
});

test("the frame nearest to a place on the strip is found", () => {
  assert.deepEqual([-1, 0.04, 0.06, 0.5, 3].map((at) => frameNear([0, 0.1, 1], at)), [0, 0, 1, 1, 2]);
});

test("a downloaded picture has its panes in rows as on the screen", () => {
  assert.deepEqual(gridOf([[10, 20], [10, 20], [10, 20]], 2, { gap: 1, line: 3, worded: true }), { row: 26, width: 23, height: 56 });
});

test("numbers are told to three digits, with a minus sign", () => {
  assert.deepEqual([round3(-0.12345), round3(1234), clamp(5, 0, 3)], ["−0.123", "1230", 3]);
});

test("pictures are as large as a box lets all of them be, in as few rows as do", () => {
  const box = { width: 1206, height: 500, ratio: 1, head: 40, gap: 12, most: 640 };
  assert.deepEqual(fitted(1, box), { columns: 1, side: 460 });
  assert.deepEqual(fitted(2, box), { columns: 2, side: 460 });
  assert.deepEqual(fitted(4, box), { columns: 4, side: 292 });
  assert.deepEqual(fitted(8, { ...box, height: 900 }), { columns: 4, side: 292 });
  assert.deepEqual(fitted(2, { ...box, width: 500, height: 900 }), { columns: 1, side: 404 });
  assert.equal(fitted(1, { ...box, height: 60 }).side, 176, "what nobody sees is no picture");
  assert.equal(fitted(1, { ...box, width: 120, height: 60 }).side, 120);
  assert.equal(fitted(2, { ...box, height: 2_000, most: 300 }).side, 300);
});

test("a lecture plays the frames that its link names, and all of them where it names none", () => {
  assert.deepEqual(playedOf("?present=1&from=3&to=7", 10), [3, 7]);
  assert.deepEqual(playedOf("?present=1&from=3&to=70", 10), [3, 9]);
  for (const link of ["", "?from=3&to=7", "?present=1", "?present=1&from=7&to=3", "?present=1&from=-1&to=1e9"])
    assert.deepEqual(playedOf(link, 10), [0, 9]);
});

test("a button leads into the lecture of what is shown and out of it", () => {
  assert.equal(lectureOf("?flow=a&x=0.5%2C1"), "?flow=a&x=0.5%2C1&present=1");
  assert.equal(lectureOf("?present=1&flow=a&from=3&to=7"), "?flow=a");
  assert.equal(lectureOf(""), "?present=1");
});
