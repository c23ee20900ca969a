/**
 * The photo and what lies over it: three canvases, each drawn anew only when something of it changed.
 *
 * A stroke changes a rectangle of the marks, so only that rectangle is drawn. All drawing happens in one
 * animation frame, in device pixels.
 */

import { union } from "./mask.js";
import { Viewport } from "./viewport.js";

const REGION_COLOR = "#ffd54a";
const CURRENT_REGION_COLOR = "#ffffff";
const MASK_COLOR = 0x80f040ff; // bytes as a little-endian word: alpha, blue, green, red

export class PhotoView {
  constructor(stage, { photo, heat, marks }) {
    this.stage = stage;
    this.canvases = { photo, heat, marks };
    this.contexts = Object.fromEntries(Object.entries(this.canvases).map(([name, canvas]) => [name, canvas.getContext("2d")]));
    this.viewport = new Viewport();
    this.photo = null;
    this.sharp = null; // the photo in full size: nobody else has it
    this.heatmap = null;
    this.regions = [];
    this.currentRegion = -1;
    this.showsRegions = true;
    this.maskLayer = null;
    this.stale = { photo: true, heat: true, marks: null };
    this.frame = 0;
    this.onview = () => {};
    new ResizeObserver(() => this.#resize()).observe(stage);
    this.#resize();
  }

  get ratio() {
    return this.canvases.photo.width / Math.max(1, this.stage.clientWidth);
  }

  /** Show an image of `size` pixels by a picture of it, which may be smaller. */
  show(photo, size) {
    this.photo = photo;
    this.heatmap = null;
    this.maskLayer = null;
    this.currentRegion = -1;
    this.viewport.show(size);
    this.redraw();
  }

  /** The same image by a better picture, which is closed once it is not shown any more. */
  sharpen(photo) {
    this.sharp?.close();
    this.photo = this.sharp = photo;
    this.#schedule({ photo: true });
  }

  clear() {
    this.sharp?.close();
    this.sharp = null;
    Object.assign(this, { photo: null, heatmap: null, maskLayer: null, regions: [] });
    this.redraw();
  }

  showHeatmap(heatmap) {
    this.heatmap = heatmap;
    this.#schedule({ heat: true });
  }

  showRegions(regions) {
    this.regions = regions;
    this.#schedule({ marks: true });
  }

  showMask(layer) {
    this.maskLayer = layer;
    this.#schedule({ marks: true });
  }

  /** Draw the marks anew within `box` (image pixels): what a stroke changed. */
  refreshMask(box) {
    if (!this.maskLayer || !box) return;
    this.maskLayer.refresh(box);
    const [left, top] = this.viewport.toStage(box.left, box.top);
    const [right, bottom] = this.viewport.toStage(box.right, box.bottom);
    this.#schedule({ marks: { left: Math.floor(left) - 1, top: Math.floor(top) - 1, right: Math.ceil(right) + 1, bottom: Math.ceil(bottom) + 1 } });
  }

  /** Zoom to the next region; returns its number from 1, or 0 where there is none. */
  nextRegion() {
    if (!this.regions.length) return 0;
    this.currentRegion = (this.currentRegion + 1) % this.regions.length;
    this.viewport.showBox(this.regions[this.currentRegion].box);
    this.redraw();
    return this.currentRegion + 1;
  }

  /** Change the viewport by `change(viewport)` and draw everything. */
  move(change) {
    change(this.viewport);
    this.redraw();
  }

  redraw() {
    this.#schedule({ photo: true, heat: true, marks: true });
    this.onview(this.viewport);
  }

  /** A pointer's place in image pixels. */
  imagePoint(event) {
    const corner = this.stage.getBoundingClientRect();
    return this.viewport.toImage((event.clientX - corner.left) * this.ratio, (event.clientY - corner.top) * this.ratio);
  }

  #resize() {
    const width = Math.max(1, Math.round(this.stage.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(this.stage.clientHeight * devicePixelRatio));
    if (width === this.canvases.photo.width && height === this.canvases.photo.height) return;
    for (const canvas of Object.values(this.canvases)) Object.assign(canvas, { width, height });
    this.viewport.resize(width, height);
    this.redraw();
  }

  #schedule({ photo = false, heat = false, marks = null }) {
    this.stale.photo ||= photo;
    this.stale.heat ||= heat;
    if (marks === true || this.stale.marks === true) this.stale.marks = true;
    else this.stale.marks = union(this.stale.marks, marks);
    this.frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.frame = 0;
    if (this.stale.photo) this.#drawPicture("photo", this.photo);
    if (this.stale.heat) this.#drawPicture("heat", this.heatmap);
    if (this.stale.marks) this.#drawMarks(this.stale.marks === true ? this.#whole() : this.stale.marks);
    this.stale = { photo: false, heat: false, marks: null };
  }

  #whole() {
    return { left: 0, top: 0, right: this.viewport.stage.width, bottom: this.viewport.stage.height };
  }

  #drawPicture(name, picture) {
    const context = this.contexts[name];
    const { stage, image, scale, x, y } = this.viewport;
    context.clearRect(0, 0, stage.width, stage.height);
    if (!picture) return;
    context.imageSmoothingEnabled = name === "heat" || scale < 4; // near enough, pixels show as they are
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, image.width * scale, image.height * scale);
  }

  #drawMarks(rectangle) {
    const context = this.contexts.marks;
    const { left, top, right, bottom } = rectangle;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    context.clearRect(left, top, right - left, bottom - top);
    const box = this.photo && this.viewport.visible(rectangle);
    if (box) {
      this.maskLayer?.draw(context, box, (x, y) => this.viewport.toStage(x, y), MASK_COLOR);
      if (this.showsRegions) this.#drawRegions(context);
    }
    context.restore();
  }

  #drawRegions(context) {
    this.regions.forEach(({ box: [left, top, right, bottom] }, i) => {
      const gap = 4 * this.ratio; // between what was found and its outline
      const [x0, y0] = this.viewport.toStage(left, top);
      const [x1, y1] = this.viewport.toStage(right, bottom);
      const outline = [x0 - gap, y0 - gap, x1 - x0 + 2 * gap, y1 - y0 + 2 * gap];
      context.beginPath();
      context.roundRect(...outline, 3 * this.ratio);
      context.lineWidth = 4 * this.ratio; // dark below light: seen on any photo
      context.strokeStyle = "rgb(0 0 0 / 60%)";
      context.stroke();
      context.lineWidth = 2 * this.ratio;
      context.strokeStyle = i === this.currentRegion ? CURRENT_REGION_COLOR : REGION_COLOR;
      context.stroke();
    });
  }
}
