// The blob of `blob.py`: u32 header length, JSON header, aligned little-endian buffers.

const BUFFERS = { i2: Int16Array, u1: Uint8Array, f4: Float32Array };
const HALF = 16384; // int16 steps from a pane's centre to its edge
const NOTHING = -32768; // a coordinate that is not finite

// The header with every buffer entry replaced by `{shape, values}`, typed arrays on one copy of the bytes.
function decodeBlob(data) {
  // Copied: the bytes arrive at any offset of a protocol message, and typed arrays want aligned ones.
  const bytes = new Uint8Array(data).slice();
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const base = 4 + length;
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, base)), (_, node) => {
    if (!node || typeof node !== "object" || !("type" in node) || !("at" in node)) return node;
    const count = node.shape.reduce((a, b) => a * b, 1);
    return { shape: node.shape, values: new BUFFERS[node.type](bytes.buffer, base + node.at, count) };
  });
}
