// The blob of `blob.py`: u32 header length, JSON header, aligned little-endian buffers.

const BUFFERS = { i2: Int16Array, u1: Uint8Array, f4: Float32Array };
const count = (/** @type {number[]} */ shape) => shape.reduce((a, b) => a * b, 1);
const text = new TextDecoder();

// The header with every buffer entry replaced by `{shape, values}`, typed arrays on one copy of the bytes. What is `fixed` in
// many messages is a buffer itself, of JSON in which `{entry}` numbers the buffers of `entries`.
//
// A large buffer has a name. One that is `held` is taken from `kept`, a map from names to such arrays; the
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
    const { at, shape, type, name = node?.held, held } = node ?? {};
    if (held) lacks ||= !kept.has(held);
    else if (!type || !shape) return node;
    const array = kept.get(name) ?? { shape, values: held ? null : new BUFFERS[/** @type {keyof typeof BUFFERS} */ (type)](bytes.buffer, base + at, count(shape)) };
    if (name) named.set(name, array);
    return array;
  });
  if (header.fixed?.values)
    Object.assign(header, JSON.parse(text.decode(header.fixed.values), (_, node) => header.entries[node?.entry] ?? node));
  const counted = header.seq < seq ? told : [];
  for (const name of kept.keys()) if (!named.has(name) && !counted.includes(name)) kept.delete(name);
  for (const [name, array] of named) kept.set(name, array);
  return { ...header, lacks };
}
