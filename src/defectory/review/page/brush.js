/** Brush and eraser: marks pixels of the image on screen, undoes, and sends the mask when it rests. */

import { getMask } from "./api.js";
import { announce, notify } from "./announce.js";
import { listen, tell } from "./events.js";
import { Mask } from "./mask.js";
import { MaskLayer } from "./mask_layer.js";
import { encodeMask, maskValues } from "./mask_png.js";
import { post, waitingMask } from "./outbox.js";
import { outlineOf } from "./pictures.js";
import { recall, remember } from "./settings.js";
import { currentImage, etagOf, state } from "./state.js";
import { text } from "./texts.js";

const SIZES_PX = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192]; // radius on screen
const REST_MS = 1500;

export class Brush {
  constructor(view, ring) {
    this.view = view;
    this.ring = ring;
    this.tool = "none"; // or "brush", "eraser"
    this.step = Number(recall("brush") ?? 6);
    this.mask = null;
    this.layer = null;
    this.last = null;
    this.rest = 0;
    this.posting = Promise.resolve();
    this.nAside = 0; // how often the brush was put aside: what was asked for before that is not waited for any more
    this.isReady = false; // the mask of the image on screen is known, so that strokes add to it
    this.unsaved = new Map(); // masks of images, until the server has them
    this.masked = new Set(); // images whose mask was saved since their facts may have been asked for
    listen("leaving", () => this.send());
    addEventListener("pagehide", () => this.send());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.send(); });
    listen("mask-replaced", (id) => this.unsaved.delete(id));
    listen("saved", ({ item, has_mask }) => {
      if (item.kind !== "mask") return;
      if (has_mask) this.masked.add(item.id);
      if (waitingMask(item.id) === undefined && !this.unsaved.get(item.id)?.isChanged) this.unsaved.delete(item.id);
      announce(text(has_mask ? "mask.saved" : "mask.removed"));
    });
  }

  get isOn() {
    return this.tool !== "none";
  }

  /** Radius in image pixels. */
  get radius() {
    return Math.max(0.5, (SIZES_PX[this.step] * this.view.ratio) / this.view.viewport.scale);
  }

  use(tool) {
    this.tool = this.tool === tool ? "none" : tool;
    this.view.stage.dataset.tool = this.tool;
    if (!this.isOn) this.hover(null);
    tell("tool", this.tool);
  }

  resize(steps) {
    this.step = Math.min(Math.max(this.step + steps, 0), SIZES_PX.length - 1);
    remember("brush", this.step);
    this.#sizeRing();
    tell("tool", this.tool);
  }

  /** No strokes until the mask of the image on screen is known. */
  putAside() {
    clearTimeout(this.rest);
    this.nAside += 1;
    this.mask = this.layer = null;
    this.#setReady(false);
    this.view.showMask(null);
  }

  /** Take up the image on screen, with the mask that the server has of it. */
  async load() {
    this.putAside();
    const asked = this.nAside;
    const { facts } = state;
    if (!facts) return;
    const mask = this.unsaved.get(facts.id);
    if (mask) this.#show(mask);
    try {
      const png = mask ? null : await this.#stored(facts);
      const bitmap = png && (await createImageBitmap(png, { colorSpaceConversion: "none" }));
      if (asked !== this.nAside) return;
      if (bitmap) this.#begun().values.set(maskValues(bitmap, facts.width, facts.height));
      if (bitmap) this.#refreshAll();
      this.#setReady(true);
    } catch (error) {
      if (asked === this.nAside) notify(text("mask.unread", { message: error.message }), { isAlert: true });
    }
  }

  begin(point) {
    if (!this.isReady) return announce(text("mask.not_there"));
    clearTimeout(this.rest);
    this.#begun().beginStroke();
    this.last = point;
    this.move([point]);
  }

  move(points) {
    if (!this.mask?.stroke) return;
    const value = this.tool === "eraser" ? 0 : 255;
    for (const point of points) {
      this.view.refreshMask(this.mask.drawLine(this.last, point, this.radius, value));
      this.last = point;
    }
  }

  end() {
    this.mask?.endStroke();
    this.#changed(null);
  }

  cancel() {
    const box = this.mask?.cancelStroke();
    if (box) this.view.refreshMask(box);
  }

  undo() {
    const box = this.mask?.undo();
    if (box) this.#changed(box);
    return Boolean(box);
  }

  redo() {
    const box = this.mask?.redo();
    if (box) this.#changed(box);
    return Boolean(box);
  }

  /** Take the detector's regions as the mask, to be corrected. */
  async takeOutline() {
    const { facts } = state;
    if (!this.isReady) return announce(text("mask.not_there"));
    const bitmap = await outlineOf(facts.id).catch(() => null);
    if (state.facts?.id !== facts.id || !this.isReady) return;
    const values = bitmap && maskValues(bitmap, facts.width, facts.height);
    if (!values?.includes(255)) return announce(text("mask.no_outline"));
    this.#changed(this.#begun().replace(values));
    announce(text("mask.outline_taken"));
  }

  /** Send what was changed since it was last sent. */
  send() {
    clearTimeout(this.rest);
    const image = currentImage();
    const { mask } = this;
    mask?.endStroke(); // one that a key cut short
    if (!mask?.isChanged || !image) return;
    mask.isChanged = false;
    this.unsaved.set(image.id, mask);
    // one after the other, however long each takes to encode: the last one drawn is the last one sent
    this.posting = this.posting.catch(() => {}).then(() => this.#post(image.id, mask));
  }

  hover(event) {
    this.ring.hidden = !event || !this.isOn;
    if (this.ring.hidden) return;
    const corner = this.view.stage.getBoundingClientRect();
    this.ring.style.transform = `translate(${event.clientX - corner.left}px, ${event.clientY - corner.top}px)`;
    this.#sizeRing();
  }

  async #post(id, mask) {
    const png = mask.isEmpty ? null : await encodeMask(mask);
    await post([{ kind: "mask", id, png, etag: etagOf(id) }]);
  }

  #setReady(isReady) {
    this.isReady = isReady;
    this.view.stage.dataset.mask = isReady ? "ready" : "loading";
  }

  /** The mask that the server has, or will have once it is sent: a PNG, or null. */
  async #stored({ id, has_mask }) {
    const waiting = waitingMask(id);
    if (waiting !== undefined) return waiting;
    return has_mask || this.masked.has(id) ? getMask(id) : null;
  }

  /** The mask of the image on screen, an empty one where there was none. */
  #begun() {
    if (!this.mask) this.#show(new Mask(state.facts.width, state.facts.height));
    return this.mask;
  }

  #show(mask) {
    this.mask = mask;
    this.layer = new MaskLayer(mask);
    this.view.showMask(this.layer);
  }

  #refreshAll() {
    this.view.refreshMask({ left: 0, top: 0, right: this.mask.width, bottom: this.mask.height });
  }

  #changed(box) {
    if (box) this.view.refreshMask(box);
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.send(), REST_MS);
  }

  #sizeRing() {
    const size = 2 * SIZES_PX[this.step];
    this.ring.style.width = this.ring.style.height = `${size}px`;
    this.ring.style.margin = `${-size / 2}px`;
  }
}
