// The blob of `blob.py`: u32 header length, JSON header, aligned little-endian buffers.

const BUFFERS = { i2: Int16Array, u1: Uint8Array, f4: Float32Array };
const TYPES = [...Object.keys(BUFFERS), "json"];
const text = new TextDecoder();

/** A buffer's `{shape, values}`, a typed array on the bytes; what one of JSON says. @param {Uint8Array<ArrayBuffer>} bytes @param {number} at @param {string} type @param {number[]} shape */
function read(bytes, at, type, shape) {
  const size = shape.reduce((a, b) => a * b, 1);
  if (type === "json") return JSON.parse(text.decode(bytes.subarray(at, at + size)));
  return { shape, values: new BUFFERS[/** @type {keyof typeof BUFFERS} */ (type)](bytes.buffer, at, size) };
}

// The header with every buffer entry replaced by what it holds, arrays on one copy of the bytes. What is `fixed` in
// many messages is a buffer itself, of JSON in which `{entry}` numbers the buffers of `entries`.
//
// A large buffer has a name. One that is `held` is taken from `kept`, a map from names to what buffers hold; the
// header's `lacks` says whether one was not there. Afterwards `kept` holds what this blob names, and what a message that is still
// on its way `told` the server of: an answer to it may count on that.
/** @param {Uint8Array} data @param {Map<string, Buffers>} [kept] @param {{seq?: number, told?: string[]}} [_2] */
export function decodeBlob(data, kept = new Map(), { seq = 0, told = [] } = {}) {
  // Copied: the bytes arrive at any offset of a protocol message, and typed arrays want aligned ones.
  const bytes = new Uint8Array(data).slice();
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const base = 4 + length;
  const named = new Map();
  let lacks = false;
  const header = JSON.parse(text.decode(bytes.subarray(4, base)), (_, node) => {
    const { at, name = node?.held, held } = node ?? {};
    const type = at === undefined ? undefined : TYPES.find((each) => node[each]); // a point may be called as a type is
    if (held) lacks ||= !kept.has(held);
    else if (!type) return node;
    const found = kept.get(name) ?? (held ? null : read(bytes, base + at, type ?? "", node[type ?? ""]));
    if (name && found) named.set(name, found);
    return found;
  });
  if (header.fixed?.values)
    Object.assign(header, JSON.parse(text.decode(header.fixed.values), (_, node) => header.entries[node?.entry] ?? node));
  const counted = header.seq < seq ? told : [];
  for (const name of kept.keys()) if (!named.has(name) && !counted.includes(name)) kept.delete(name);
  for (const [name, array] of named) kept.set(name, array);
  return { ...header, lacks };
}
