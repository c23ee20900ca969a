/** Fifty at once: select by click, shift or keys, then decide all that are selected. */

import { previewUrl } from "./api.js";
import { announce } from "./announce.js";
import { byId, element, fileName, folderName } from "./dom.js";
import { listen } from "./events.js";
import { decide } from "./labeling.js";
import { fixed } from "./numbers.js";
import { more } from "./queue_pane.js";
import { goTo, setView, state } from "./state.js";
import { text } from "./texts.js";

const PAGE = 50;

let first = 0; // index of the first image on the page
let focused = 0;
let anchor = 0; // where a range began
let selected = new Set(); // ids

export function startGrid() {
  listen("view", (view) => { byId("grid").hidden = view !== "grid"; if (view === "grid") open(); });
  for (const name of ["entries", "language"]) listen(name, () => { if (state.view === "grid") showGrid(); });
  listen("reload", () => begin(0));
  listen("labeled", (ids) => ids.forEach(markTile));
  listen("marked", markTile);
  byId("grid").addEventListener("click", click);
  byId("grid").addEventListener("dblclick", (event) => openTile(event.target.closest("[data-index]")));
}

function open() {
  const index = Math.max(0, state.index);
  begin(Math.floor(index / PAGE) * PAGE);
  focused = anchor = index;
  showGrid();
  focusTile();
}

/** A page with nothing selected yet. */
function begin(index) {
  first = focused = anchor = index;
  selected = new Set();
}

const shown = () => state.entries.slice(first, first + PAGE);

function showGrid() {
  const grid = byId("grid");
  const images = shown();
  const status = element("p", { class: "grid-status", id: "grid-status" }, statusText());
  const button = (name, key, run) => element("button", { type: "button", class: "decision", "data-decision": name, "aria-keyshortcuts": key, onclick: run },
    element("span", {}, text(`decide.${name}`)), element("kbd", { "aria-hidden": "true" }, key));
  grid.replaceChildren(
    element("div", { class: "grid-head" }, status,
      element("div", { class: "grid-pages" },
        element("button", { type: "button", onclick: selectAll }, text("grid.all")),
        element("button", { type: "button", onclick: () => turn(-1), disabled: first === 0 }, text("grid.previous")),
        element("button", { type: "button", onclick: () => turn(1) }, text("grid.next")))),
    element("div", { class: "tiles", role: "listbox", "aria-multiselectable": "true", "aria-label": text("grid.title"), tabindex: images.length ? null : 0 },
      images.map((image, i) => tileOf(image, first + i))),
    element("div", { class: "decisions grid-decisions", role: "group", "aria-label": text("decide.title") },
      button("good", "G", () => decideSelected("good")), button("defective", "D", () => decideSelected("defective")),
      button("unsure", "U", () => decideSelected("unsure")), button("skip", "S", () => decideSelected("skipped"))),
  );
}

function tileOf(image, index) {
  const tile = element("div", {
    role: "option", class: "tile", "data-index": index, "data-id": image.id, tabindex: index === focused ? 0 : -1,
    "aria-selected": String(selected.has(image.id)),
  }, element("img", { src: previewUrl(image.id, 256), alt: "", loading: "lazy", decoding: "async" }),
  element("span", { class: "mark", "aria-hidden": "true" }), element("span", { class: "tile-name", title: image.name }, `${fixed(image.score)}  ${fileName(image.name)}`,
    folderName(image.name) && element("small", { class: "soft" }, folderName(image.name))));
  describe(tile, image);
  return tile;
}

function describe(tile, image) {
  const mark = tile.querySelector(".mark");
  mark.dataset.label = image.label ?? "none";
  mark.dataset.saving = image.saving;
  mark.textContent = image.label ? text(`label_sign.${image.label}`) : "";
  const label = image.label ? text(`label.${image.label}`) : text("label.none");
  tile.setAttribute("aria-label", text("grid.tile", { name: image.name, score: fixed(image.score), label }));
}

const tiles = () => [...byId("grid").querySelectorAll(".tile")];
const tileAt = (index) => byId("grid").querySelector(`[data-index="${index}"]`);

function markTile(id) {
  if (state.view !== "grid") return;
  const tile = byId("grid").querySelector(`[data-id="${id}"]`);
  const image = state.entries.find((entry) => entry.id === id);
  if (tile && image) describe(tile, image);
}

function statusText() {
  const images = shown();
  return text("grid.status", { n: selected.size, from: images.length ? first + 1 : 0, to: first + images.length });
}

function showSelection() {
  for (const tile of tiles()) tile.setAttribute("aria-selected", String(selected.has(Number(tile.dataset.id))));
  byId("grid-status").textContent = statusText();
}

function click(event) {
  const tile = event.target.closest("[data-index]");
  if (!tile) return;
  focused = Number(tile.dataset.index);
  if (event.shiftKey) selectRange();
  else toggle(focused);
  focusTile();
}

function toggle(index) {
  const { id } = state.entries[index] ?? {};
  if (id === undefined) return; // of a list that is being left
  if (!selected.delete(id)) selected.add(id);
  anchor = index;
  showSelection();
}

function selectRange() {
  const [from, to] = [Math.min(anchor, focused), Math.max(anchor, focused)];
  selected = new Set(state.entries.slice(from, to + 1).map(({ id }) => id));
  showSelection();
}

function selectAll() {
  const ids = shown().map(({ id }) => id);
  selected = selected.size === ids.length ? new Set() : new Set(ids);
  showSelection();
  focusTile();
}

function focusTile() {
  for (const tile of tiles()) tile.tabIndex = Number(tile.dataset.index) === focused ? 0 : -1;
  tileAt(focused)?.focus();
}

/** Decide all that are selected; where none is, the one with the focus. */
export function decideSelected(value, defectType = "") {
  const images = state.entries.filter(({ id }) => selected.has(id));
  const chosen = images.length ? images : [state.entries[focused]].filter(Boolean);
  decide(chosen, value, defectType);
  announce(text("grid.decided", { n: chosen.length, label: text(`label.${value}`) }));
  if (!images.length) focused = Math.min(focused + 1, first + shown().length - 1);
  selected = new Set();
  showSelection();
  focusTile();
}

async function turn(pages) {
  const next = first + pages * PAGE;
  if (next < 0) return;
  if (next >= state.entries.length) await more();
  if (next >= state.entries.length) return announce(text("grid.no_more"));
  begin(next);
  showGrid();
  focusTile();
}

function openTile(tile) {
  if (!tile) return;
  setView("photo");
  goTo(Number(tile.dataset.index));
}

/** Keys of the grid; returns whether this was one. */
export function gridKey(event) {
  const nColumns = columns();
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -nColumns, ArrowDown: nColumns }[event.key];
  if (step) {
    focused = Math.min(Math.max(focused + step, first), first + shown().length - 1);
    if (event.shiftKey) selectRange();
    else anchor = focused;
    focusTile();
  } else if (event.key === " ") toggle(focused);
  else if (event.key === "Enter") openTile(tileAt(focused));
  else if (event.key.toLowerCase() === "a") selectAll();
  else if (event.key === "Escape") { selected = new Set(); showSelection(); }
  else return false;
  return true;
}

function columns() {
  const all = tiles();
  const top = all[0]?.offsetTop;
  const n = all.findIndex((tile) => tile.offsetTop !== top);
  return n > 0 ? n : Math.max(1, all.length);
}
