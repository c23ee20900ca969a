/** All keys, in the order in which a review needs them. */

import { openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { text } from "./texts.js";

const GROUPS = {
  decide: [["G", "good"], ["D", "defective"], ["U", "unsure"], ["S", "skip"], ["1–9", "types"], ["Ctrl+Z", "undo"], ["Ctrl+Shift+Z", "redo"]],
  go: [["→", "next"], ["← ⌫", "back"], ["F", "search"], ["V", "grid"], ["T", "teach"], ["?", "title"]],
  look: [["H", "heatmap"], ["R", "regions"], ["N", "region"], ["+ −", "zoom"], ["0", "fit"], ["⇧ + ←↑↓→", "pan"], ["C", "compare"]],
  mark: [["B", "brush"], ["E", "eraser"], ["[ ]", "size"], ["O", "outline"], ["Esc", "put_down"]],
  grid_keys: [["←↑↓→", "grid_move"], ["Space", "grid_select"], ["⇧ + ←↑↓→", "grid_range"], ["A", "grid_all"], ["Enter", "grid_open"]],
};

export function openHelp() {
  const dialog = openDialog("help", text("help.title"), { isWide: true });
  dialog.body.append(element("div", { class: "key-groups" }, Object.entries(GROUPS).map(([group, keys]) => element("section", {},
    element("h3", {}, text(`help.group_${group}`)),
    element("dl", {}, keys.map(([key, name]) => [element("dt", {}, element("kbd", {}, key.replace("Ctrl", text("keys.control")))), element("dd", {}, text(`help.${name}`))]))))));
}
