/** Pointers on the stage: one pans or paints, two pinch; the wheel zooms, or sizes the brush. */

const WHEEL_STEP = 0.0015;
const PINCH_GRACE_MS = 200; // a second finger this soon means the first did not want to paint

export class Pointers {
  /** `brush` paints: {isOn, begin, move, end, cancel, hover, resize}. */
  constructor(view, brush) {
    this.view = view;
    this.brush = brush;
    this.down = new Map();
    this.isPainting = false;
    this.paintedAt = 0;
    const { stage } = view;
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.#release(event));
    stage.addEventListener("pointerleave", () => brush.hover(null));
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("dblclick", () => { if (!brush.isOn) view.move((viewport) => viewport.fit()); });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #press(event) {
    if (event.button > 2 || event.target.closest("button")) return;
    this.view.stage.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, event);
    if (this.down.size === 2 && this.isPainting && event.timeStamp - this.paintedAt < PINCH_GRACE_MS) this.#stopPainting("cancel");
    else if (this.down.size > 1) this.#stopPainting("end");
    else if (event.button === 0 && this.brush.isOn) {
      this.isPainting = true;
      this.paintedAt = event.timeStamp;
      this.brush.begin(this.view.imagePoint(event));
    }
  }

  #move(event) {
    const before = this.down.get(event.pointerId);
    if (event.pointerType !== "touch") this.brush.hover(event);
    if (!before) return;
    if (this.isPainting) {
      const passed = event.getCoalescedEvents?.() ?? [];
      this.brush.move((passed.length ? passed : [event]).map((moved) => this.view.imagePoint(moved)));
    } else if (this.down.size === 1) {
      const { ratio } = this.view;
      this.view.move((viewport) => viewport.pan((event.clientX - before.clientX) * ratio, (event.clientY - before.clientY) * ratio));
    } else this.#pinch(event, before);
    this.down.set(event.pointerId, event);
  }

  #pinch(event, before) {
    const other = [...this.down.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const distance = ({ clientX, clientY }) => Math.hypot(clientX - other.clientX, clientY - other.clientY);
    const { ratio } = this.view;
    const corner = this.view.stage.getBoundingClientRect();
    const middle = {
      x: ((event.clientX + other.clientX) / 2 - corner.left) * ratio,
      y: ((event.clientY + other.clientY) / 2 - corner.top) * ratio,
    };
    this.view.move((viewport) => {
      viewport.zoom(distance(event) / Math.max(1, distance(before)), middle);
      viewport.pan(((event.clientX - before.clientX) / 2) * ratio, ((event.clientY - before.clientY) / 2) * ratio);
    });
  }

  #release(event) {
    if (!this.down.delete(event.pointerId)) return;
    this.#stopPainting("end");
  }

  #stopPainting(how) {
    if (!this.isPainting) return;
    this.isPainting = false;
    this.brush[how]();
  }

  #wheel(event) {
    event.preventDefault();
    if (this.brush.isOn && !event.ctrlKey) return this.brush.resize(event.deltaY < 0 ? 1 : -1);
    const lines = event.deltaMode === 1 ? 16 : 1;
    const { ratio } = this.view;
    const corner = this.view.stage.getBoundingClientRect();
    const at = { x: (event.clientX - corner.left) * ratio, y: (event.clientY - corner.top) * ratio };
    // a pinch on a trackpad comes as a wheel with ctrlKey, in smaller steps
    const step = event.ctrlKey ? WHEEL_STEP * 6 : WHEEL_STEP;
    this.view.move((viewport) => viewport.zoom(Math.exp(-event.deltaY * lines * step), at));
  }
}
