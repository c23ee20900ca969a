/** Which pixels of one image a person marked as defective; knows what each stroke changed. */

export const TILE_PX = 256;

export class Mask {
  /** An empty mask of `width` by `height` pixels of the image. */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.values = new Uint8Array(width * height); // 0 or 255
    this.nColumns = Math.ceil(width / TILE_PX);
    this.undoable = [];
    this.redoable = [];
    this.stroke = null; // tile -> its values before the stroke
    this.isChanged = false; // since it was last sent
  }

  get isEmpty() {
    return !this.values.includes(255);
  }

  beginStroke() {
    this.stroke = new Map();
  }

  /** End a stroke; one that touched nothing leaves nothing to undo. */
  endStroke() {
    if (this.stroke?.size) {
      this.undoable.push(this.stroke);
      this.redoable = [];
      this.isChanged = true;
    }
    this.stroke = null;
  }

  /** Throw away a stroke that is being drawn; returns what it had changed. */
  cancelStroke() {
    const before = this.stroke;
    this.stroke = null;
    return before ? this.#put(before) : null;
  }

  /**
   * Set the pixels within `radius` of the line from `from` to `to` (image pixels).
   * Returns the rectangle of what may have changed, or null.
   */
  drawLine(from, to, radius, value) {
    const box = this.#clipped(
      Math.min(from.x, to.x) - radius, Math.min(from.y, to.y) - radius,
      Math.max(from.x, to.x) + radius, Math.max(from.y, to.y) + radius,
    );
    if (!box) return null;
    this.#remember(box);
    for (let y = box.top; y < box.bottom; y++) {
      const span = spanOfCapsule(from, to, radius, y + 0.5);
      if (!span) continue;
      const left = Math.max(0, Math.round(span[0]));
      const right = Math.min(this.width, Math.max(Math.round(span[1]), Math.floor(span[0]) + 1));
      if (left < right) this.values.fill(value, y * this.width + left, y * this.width + right);
    }
    return box;
  }

  /** Take another mask's values as one step that can be undone; returns the whole rectangle. */
  replace(values) {
    const whole = { left: 0, top: 0, right: this.width, bottom: this.height };
    this.beginStroke();
    this.#remember(whole);
    this.values.set(values);
    this.endStroke();
    return whole;
  }

  undo() {
    return this.#step(this.undoable, this.redoable);
  }

  redo() {
    return this.#step(this.redoable, this.undoable);
  }

  tilesIn({ left, top, right, bottom }) {
    const tiles = [];
    for (let row = Math.floor(top / TILE_PX); row * TILE_PX < bottom; row++) {
      for (let column = Math.floor(left / TILE_PX); column * TILE_PX < right; column++) {
        tiles.push(row * this.nColumns + column);
      }
    }
    return tiles;
  }

  boxOfTile(tile) {
    const left = (tile % this.nColumns) * TILE_PX;
    const top = Math.floor(tile / this.nColumns) * TILE_PX;
    return { left, top, right: Math.min(left + TILE_PX, this.width), bottom: Math.min(top + TILE_PX, this.height) };
  }

  #step(from, to) {
    const tiles = from.pop();
    if (!tiles) return null;
    const now = new Map([...tiles.keys()].map((tile) => [tile, this.#read(tile)]));
    to.push(now);
    this.isChanged = true;
    return this.#put(tiles);
  }

  #remember(box) {
    if (!this.stroke) return;
    for (const tile of this.tilesIn(box)) if (!this.stroke.has(tile)) this.stroke.set(tile, this.#read(tile));
  }

  #read(tile) {
    const { left, top, right, bottom } = this.boxOfTile(tile);
    const values = new Uint8Array((right - left) * (bottom - top));
    for (let y = top; y < bottom; y++) {
      const start = y * this.width;
      values.set(this.values.subarray(start + left, start + right), (y - top) * (right - left));
    }
    return values;
  }

  #put(tiles) {
    let changed = null;
    for (const [tile, values] of tiles) {
      const box = this.boxOfTile(tile);
      const width = box.right - box.left;
      for (let y = box.top; y < box.bottom; y++) {
        this.values.set(values.subarray((y - box.top) * width, (y - box.top + 1) * width), y * this.width + box.left);
      }
      changed = union(changed, box);
    }
    return changed;
  }

  #clipped(left, top, right, bottom) {
    const box = {
      left: Math.max(0, Math.floor(left)), top: Math.max(0, Math.floor(top)),
      right: Math.min(this.width, Math.ceil(right) + 1), bottom: Math.min(this.height, Math.ceil(bottom) + 1),
    };
    return box.left < box.right && box.top < box.bottom ? box : null;
  }
}

/** The smallest rectangle around both; null is no rectangle. */
export function union(one, other) {
  if (!one || !other) return one ?? other;
  return {
    left: Math.min(one.left, other.left), top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right), bottom: Math.max(one.bottom, other.bottom),
  };
}

/** Where the row `y` crosses all points within `radius` of a line: [left, right], or null. */
function spanOfCapsule(from, to, radius, y) {
  let left = Infinity;
  let right = -Infinity;
  for (const end of [from, to]) {
    const rest = radius * radius - (y - end.y) ** 2;
    if (rest < 0) continue;
    left = Math.min(left, end.x - Math.sqrt(rest));
    right = Math.max(right, end.x + Math.sqrt(rest));
  }
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length > 0) {
    const across = { x: (-(to.y - from.y) / length) * radius, y: ((to.x - from.x) / length) * radius };
    const corners = [
      { x: from.x + across.x, y: from.y + across.y }, { x: to.x + across.x, y: to.y + across.y },
      { x: to.x - across.x, y: to.y - across.y }, { x: from.x - across.x, y: from.y - across.y },
    ];
    corners.forEach((a, i) => {
      const b = corners[(i + 1) % 4];
      if ((a.y > y) === (b.y > y)) return;
      const x = a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
      left = Math.min(left, x);
      right = Math.max(right, x);
    });
  }
  return left <= right ? [left, right] : null;
}
