/** Buttons above and below the photo; each also has a key. */

import { byId, element } from "./dom.js";
import { listen } from "./events.js";
import { icon } from "./icons.js";
import { text } from "./texts.js";

const TOOLS = [
  [["back", "←"], ["next", "→"], ["undo", "Control+Z"], ["redo", "Control+Shift+Z"]],
  [["zoom_out", "-"], ["fit", "0"], ["zoom_in", "+"]],
  [["heatmap", "H"], ["regions", "R"], ["region", "N"]],
  [["brush", "B"], ["eraser", "E"], ["smaller", "["], ["larger", "]"], ["outline", "O"]],
];
const DECISIONS = [["good", "G"], ["defective", "D"], ["unsure", "U"], ["skip", "S"]];

/** `actions` by name: what each button does. */
export function startToolBar(actions) {
  const show = () => {
    byId("tools").replaceChildren(...TOOLS.map((group) => element("div", { class: "tool-group" }, group.map(([name, key]) => toolOf(name, key, actions)))));
    byId("decisions").replaceChildren(...DECISIONS.map(([name, key]) => element("button", {
      type: "button", class: "decision", "data-decision": name, "aria-keyshortcuts": key, onclick: actions[name],
    }, element("span", {}, text(`decide.${name}`)), element("kbd", { "aria-hidden": "true" }, key))));
    showState();
  };
  listen("language", show);
  byId("tools").addEventListener("keydown", moveBetween);
  show();
}

const looks = { heat: "off", regions: true, tool: "none" };

/** Show which tools are in use: {heat, regions, tool}. */
export function showTools(changed) {
  Object.assign(looks, changed);
  showState();
}

function showState() {
  const press = (name, isPressed) => byId("tools").querySelector(`[data-tool="${name}"]`)?.setAttribute("aria-pressed", String(isPressed));
  press("heatmap", looks.heat !== "off");
  press("regions", looks.regions);
  press("brush", looks.tool === "brush");
  press("eraser", looks.tool === "eraser");
  const heat = byId("tools").querySelector('[data-tool="heatmap"]');
  if (!heat) return;
  heat.querySelector(".tool-name").textContent = text(`heat.${looks.heat}`);
  heat.setAttribute("aria-label", text(`heat.${looks.heat}`));
}

function toolOf(name, key, actions) {
  const shown = key.replace("Control", text("keys.control"));
  return element("button", {
    type: "button", class: "tool", "data-tool": name, title: `${text(`help.${name}`)} (${shown})`,
    "aria-label": text(`help.${name}`), "aria-keyshortcuts": key, onclick: actions[name],
  }, icon(name), element("span", { class: "tool-name" }, text(`tools.${name}`)));
}

/** Arrows go from tool to tool, as in any toolbar. */
function moveBetween(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const buttons = [...byId("tools").querySelectorAll("button")];
  buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
