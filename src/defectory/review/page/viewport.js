/** Where the image lies on the stage: scale (device pixels an image pixel) and the place of its corner. */

const CLOSEST = 32; // device pixels an image pixel
const MARGIN = 0.03; // of the stage, around an image that fits

export class Viewport {
  constructor() {
    this.stage = { width: 1, height: 1 };
    this.image = { width: 1, height: 1 };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.isFitted = true;
  }

  resize(width, height) {
    const middle = this.toImage(this.stage.width / 2, this.stage.height / 2);
    this.stage = { width, height };
    if (this.isFitted) this.fit();
    else this.center(middle.x, middle.y);
  }

  show(image) {
    this.image = image;
    this.fit();
  }

  get fittingScale() {
    const room = 1 - 2 * MARGIN;
    return Math.min((this.stage.width * room) / this.image.width, (this.stage.height * room) / this.image.height);
  }

  fit() {
    this.scale = this.fittingScale;
    this.isFitted = true;
    this.center(this.image.width / 2, this.image.height / 2);
    this.isFitted = true;
  }

  /** Put a point of the image in the middle of the stage. */
  center(x, y) {
    this.x = this.stage.width / 2 - x * this.scale;
    this.y = this.stage.height / 2 - y * this.scale;
  }

  pan(dx, dy) {
    this.x = between(this.x + dx, ...this.#limits("width"));
    this.y = between(this.y + dy, ...this.#limits("height"));
    this.isFitted = false;
  }

  /** Zoom by `factor` around a point of the stage, which stays where it is. */
  zoom(factor, at = { x: this.stage.width / 2, y: this.stage.height / 2 }) {
    const fixed = this.toImage(at.x, at.y);
    this.scale = between(this.scale * factor, this.fittingScale * 0.5, Math.max(CLOSEST, this.fittingScale));
    this.x = at.x - fixed.x * this.scale;
    this.y = at.y - fixed.y * this.scale;
    this.isFitted = false;
  }

  /** Bring a box (left, top, right, bottom) near, with its surroundings. */
  showBox([left, top, right, bottom]) {
    const around = 3;
    const wanted = Math.min(this.stage.width / (around * (right - left)), this.stage.height / (around * (bottom - top)));
    this.scale = between(wanted, this.fittingScale, CLOSEST / 2);
    this.isFitted = false;
    this.center((left + right) / 2, (top + bottom) / 2);
  }

  toImage(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toStage(x, y) {
    return [this.x + x * this.scale, this.y + y * this.scale];
  }

  /** The part of the image within a rectangle of the stage, or null. */
  visible(rectangle = { left: 0, top: 0, right: this.stage.width, bottom: this.stage.height }) {
    const from = this.toImage(rectangle.left, rectangle.top);
    const to = this.toImage(rectangle.right, rectangle.bottom);
    const box = {
      left: Math.max(0, Math.floor(from.x)), top: Math.max(0, Math.floor(from.y)),
      right: Math.min(this.image.width, Math.ceil(to.x)), bottom: Math.min(this.image.height, Math.ceil(to.y)),
    };
    return box.left < box.right && box.top < box.bottom ? box : null;
  }

  #limits(side) {
    const kept = 0.25 * this.stage[side]; // of the stage, so that the image cannot be lost
    return [kept - this.image[side] * this.scale, this.stage[side] - kept];
  }
}

const between = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
