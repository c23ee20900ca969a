/** Keys first: one letter, one action. A field that is typed in keeps its keys; so does an open dialog. */

import { isDialogOpen } from "./dialogs.js";
import { isTyping } from "./dom.js";
import { gridKey } from "./grid.js";
import { state } from "./state.js";

/** What a held key repeats; all others act once. */
const REPEATED = new Set(["next", "back", "larger", "smaller", "zoom_in", "zoom_out", "undo", "redo", "pan_left", "pan_right", "pan_up", "pan_down"]);

const BY_KEY = {
  g: "good", d: "defective", u: "unsure", s: "skip", backspace: "back", arrowleft: "back", arrowright: "next",
  h: "heatmap", r: "regions", n: "region", b: "brush", e: "eraser", "[": "smaller", "]": "larger", o: "outline",
  "+": "zoom_in", "=": "zoom_in", "-": "zoom_out", 0: "fit", v: "grid", f: "search", t: "teach", c: "compare", "?": "title", escape: "put_down",
};
const WITH_SHIFT = { arrowleft: "pan_left", arrowright: "pan_right", arrowup: "pan_up", arrowdown: "pan_down" };
const OF_PHOTO = new Set(["back", "next", "heatmap", "regions", "region", "brush", "eraser", "smaller", "larger", "outline", "zoom_in", "zoom_out", "fit", "compare"]);

/** `actions` by name; `actions.type(n)` takes the digit. */
export function startKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || (event.altKey && !typesBracket(event)) || isDialogOpen() || isTyping(event.target) || event.target instanceof HTMLSelectElement) return;
    const name = nameOf(event);
    if (!name && event.key !== "Escape" && !belongsToGrid(event)) return;
    if (belongsToGrid(event) && gridKey(event)) return event.preventDefault();
    if (!name || (state.view === "grid" && OF_PHOTO.has(name))) return;
    if (event.repeat && !REPEATED.has(name)) return;
    event.preventDefault();
    if (name === "type") actions.type(Number(event.key));
    else actions[name]?.();
  });
}

const belongsToGrid = (event) => state.view === "grid" && !event.ctrlKey && !event.metaKey
  && (event.target.closest(".tiles") || event.target === document.body);

/** Some keyboards have brackets with AltGr, which is told as Control and Alt, or with Option. */
const typesBracket = ({ key, altKey, metaKey }) => altKey && !metaKey && "[]".includes(key);

function nameOf(event) {
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !typesBracket(event)) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    return key === "y" ? "redo" : null;
  }
  if (/^[1-9]$/.test(key)) return "type";
  if (event.shiftKey && WITH_SHIFT[key]) return WITH_SHIFT[key];
  return BY_KEY[key] ?? null;
}
