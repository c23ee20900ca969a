/** A mask to and from a PNG file of 8-bit gray. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const ROWS_BYTES = 1 << 20; // packed at a time, so that the page answers in between

/** The values as a PNG file, a Blob. */
export async function encodeMask({ width, height, values }) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 0, 0, 0, 0], 8); // 8 bit, gray, deflate, filters by row, not interlaced
  const rows = await deflated(width, height, values);
  const parts = [new Uint8Array(SIGNATURE), ...chunk("IHDR", header), ...chunk("IDAT", rows), ...chunk("IEND", new Uint8Array(0))];
  return new Blob(parts, { type: "image/png" });
}

/** The red channel of a picture (ImageBitmap), as values of a mask of this size. */
export function maskValues(bitmap, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i] > 127 ? 255 : 0;
  return values;
}

async function deflated(width, height, values) {
  const packer = new CompressionStream("deflate");
  const packed = new Response(packer.readable).arrayBuffer();
  const writer = packer.writable.getWriter();
  const nRows = Math.max(1, Math.floor(ROWS_BYTES / width));
  for (let top = 0; top < height; top += nRows) {
    const bottom = Math.min(height, top + nRows);
    const rows = new Uint8Array((bottom - top) * (width + 1)); // each begins with its filter: 0, none
    for (let y = top; y < bottom; y++) {
      rows.set(values.subarray(y * width, (y + 1) * width), (y - top) * (width + 1) + 1);
    }
    await writer.write(rows);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await writer.close();
  return new Uint8Array(await packed);
}

function chunk(name, data) {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, data.length);
  head.set([...name].map((letter) => letter.charCodeAt(0)), 4);
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32([head.subarray(4), data]));
  return [head, data, sum];
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(parts) {
  let crc = 0xffffffff;
  for (const bytes of parts) for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
