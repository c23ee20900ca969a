/** A mask as pictures: one offscreen canvas a tile, made anew only where the mask changed. */

import { TILE_PX } from "./mask.js";

export class MaskLayer {
  constructor(mask) {
    this.mask = mask;
    this.tiles = new Map(); // tile -> canvas; null: nothing is marked there
    this.stale = new Set();
    this.refresh({ left: 0, top: 0, right: mask.width, bottom: mask.height });
  }

  /** The mask has changed within this rectangle. */
  refresh(box) {
    for (const tile of this.mask.tilesIn(box)) this.stale.add(tile);
  }

  /**
   * Draw the part within `box` (image pixels). `toScreen(x, y)` gives device pixels; edges of tiles are rounded
   * alike on both sides, so that none shows.
   */
  draw(context, box, toScreen, color) {
    context.imageSmoothingEnabled = false;
    for (const tile of this.mask.tilesIn(box)) {
      const canvas = this.#tile(tile, color);
      if (!canvas) continue;
      const { left, top, right, bottom } = this.mask.boxOfTile(tile);
      const [x0, y0] = toScreen(left, top).map(Math.round);
      const [x1, y1] = toScreen(right, bottom).map(Math.round);
      context.drawImage(canvas, 0, 0, right - left, bottom - top, x0, y0, x1 - x0, y1 - y0);
    }
  }

  #tile(tile, color) {
    if (!this.stale.has(tile)) return this.tiles.get(tile) ?? null;
    this.stale.delete(tile);
    const { left, top, right, bottom } = this.mask.boxOfTile(tile);
    const [width, height] = [right - left, bottom - top];
    const pixels = new ImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    let isMarked = false;
    for (let y = 0; y < height; y++) {
      const row = (top + y) * this.mask.width + left;
      for (let x = 0; x < width; x++) {
        if (!this.mask.values[row + x]) continue;
        words[y * width + x] = color;
        isMarked = true;
      }
    }
    if (!isMarked) {
      this.tiles.delete(tile);
      return null;
    }
    const canvas = this.tiles.get(tile) ?? new OffscreenCanvas(TILE_PX, TILE_PX);
    canvas.getContext("2d", { willReadFrequently: true }).putImageData(pixels, 0, 0);
    this.tiles.set(tile, canvas);
    return canvas;
  }
}
