/** What was saved, said to screen readers at once; what went wrong, shown to everyone for a while. */

import { byId, element } from "./dom.js";
import { text } from "./texts.js";

const SHOWN_MS = 8000;

export function announce(message) {
  byId("said").textContent = message;
}

/**
 * A notice in the corner; it takes the place of an earlier one of its kind, so that they do not pile up over the page.
 * `action` may be {label, run}: such a notice stays until it is closed. An alert interrupts a screen reader.
 */
export function notify(message, { isAlert = false, action = null, kind = message } = {}) {
  withdraw(kind);
  const notice = element("div", { class: isAlert ? "notice alert" : "notice", role: isAlert ? "alert" : "status", "data-kind": kind });
  notice.append(element("p", {}, message));
  if (action) {
    const run = () => { notice.remove(); action.run(); };
    notice.append(element("button", { type: "button", onclick: run }, action.label));
  }
  const close = element("button", { type: "button", class: "quiet", "aria-label": text("close") }, "×");
  close.addEventListener("click", () => notice.remove());
  notice.append(close);
  byId("notices").append(notice);
  if (!action) setTimeout(() => notice.remove(), SHOWN_MS);
}

/** Close the notice of a kind, which is no longer true. */
export function withdraw(kind) {
  for (const notice of [...byId("notices").children]) if (notice.dataset.kind === kind) notice.remove();
}
