// What asks for changes: it tells of each once, and waits while something is held or typed.

import assert from "node:assert/strict";
import { test } from "node:test";

const world = /** @type {any} */ (globalThis);
const heard = new Map();
const server = { state: "a", status: 200, asked: 0 };
world.document = { baseURI: "http://lab/", hidden: false };
world.addEventListener = (/** @type {string} */ name, /** @type {any} */ listener) => heard.set(name, listener);
world.fetch = async () => {
  server.asked += 1;
  return { ok: server.status === 200, status: server.status, json: async () => ({ state: server.state }) };
};
const { default: mount } = await import("../../../../dashboard/components/web/watch.js");

/** @param {string} state */
function blob(state) {
  const text = new TextEncoder().encode(JSON.stringify({ state }).padEnd(28));
  const bytes = new Uint8Array(4 + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  return bytes;
}

/** @param {any} t */
function watching(t) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  Object.assign(server, { state: "a", status: 200, asked: 0 });
  /** @type {string[]} */
  const told = [];
  const parentElement = {};
  const draw = (/** @type {string} */ state) => mount({ parentElement, data: blob(state), setTriggerValue: (_, value) => told.push(value) });
  const later = async () => {
    t.mock.timers.tick(3000);
    await new Promise((resolve) => { setImmediate(resolve); });
  };
  return { told, draw, later };
}

test("a change is told once, and the next one too", async (t) => {
  const { told, draw, later } = watching(t);
  const end = draw("a");
  await later();
  assert.deepEqual([server.asked, told], [1, []]);
  server.state = "b";
  await later();
  await later();
  assert.deepEqual(told, ["b"]);
  draw("b"); // the page ran
  await later();
  assert.deepEqual(told, ["b"]);
  server.state = "a";
  await later();
  assert.deepEqual(told, ["b", "a"]);
  end();
  const { asked } = server;
  await later();
  assert.equal(server.asked, asked);
});

test("nothing is told while something is held or typed, or nobody looks", async (t) => {
  const { told, draw, later } = watching(t);
  const end = draw("a");
  server.state = "b";
  const now = t.mock.method(performance, "now", () => 0);
  for (const [begin, over] of [
    [() => heard.get("pointerdown")({ buttons: 1 }), () => heard.get("pointerup")({ buttons: 0 })],
    [() => heard.get("pointerdown")({ buttons: 1 }), () => heard.get("pointercancel")({})],
    [() => heard.get("input")({}), () => now.mock.mockImplementation(() => 5000)],
    [() => { world.document.hidden = true; }, () => { world.document.hidden = false; }],
  ]) {
    begin();
    await later();
    assert.deepEqual(told, []);
    over();
  }
  await later();
  assert.deepEqual(told, ["b"]);
  end();
});

test("a server that knows no state is not asked again", async (t) => {
  const { told, draw, later } = watching(t);
  const end = draw("a");
  t.mock.method(performance, "now", () => 9000); // long after somebody typed
  server.status = 404;
  await later();
  await later();
  assert.deepEqual([server.asked, told], [1, []]);
  end();
});
