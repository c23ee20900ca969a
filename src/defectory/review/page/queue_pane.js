/** The list on the left: what to look at, why, and what was decided. */

import { getImages, getQueue, previewUrl } from "./api.js";
import { notify } from "./announce.js";
import { byId, element, fileName } from "./dom.js";
import { listen, tell } from "./events.js";
import { lastOnes } from "./labeling.js";
import { fixed } from "./numbers.js";
import { currentImage, goTo, imageOf, state } from "./state.js";
import { text } from "./texts.js";

const PAGE = 50;
const FILTERS = ["all", "unlabeled", "good", "defective", "unsure", "rejected", "accepted", "wrong", "disagreed"];
const SORTS = ["-score", "score", "name", "when"];
const TYPING_REST_MS = 250;
const LONGEST = 500; // that the server gives at once
const NEARLY_DONE = 8; // images left when more are asked for

let isAsking = false;
let hasAll = false;
let isAsked = 0;

export function startQueuePane() {
  byId("source").addEventListener("change", (event) => useSource(event.target.value));
  byId("sort").addEventListener("change", (event) => { state.sort = event.target.value; reload(); });
  let rest = 0;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(rest);
    rest = setTimeout(() => search(event.target.value.trim()), TYPING_REST_MS);
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "Enter") byId("stage").focus();
  });
  byId("entries").addEventListener("click", (event) => {
    const item = event.target.closest("[data-index]");
    if (item) goTo(Number(item.dataset.index));
  });
  byId("entries").addEventListener("scroll", fillIfSeen, { passive: true });
  listen("project", () => { showSources(); showGain(); });
  listen("image", () => { showCurrent(); if (state.entries.length - state.index < NEARLY_DONE) more(); });
  listen("labeled", (ids) => { ids.forEach(showEntry); showGain(); });
  listen("marked", showEntry);
  listen("language", () => { showSources(true); showEntries(); showGain(); });
  listen("end-of-list", more);
}

/** Start the list again from the server, at its first image. */
export async function reload() {
  tell("leaving", currentImage());
  tell("reload");
  Object.assign(state, { entries: [], index: -1, facts: null });
  hasAll = false;
  isAsked += 1;
  isAsking = false;
  await more();
  if (!state.entries.length) tell("image", null);
}

/** Ask for more of the same list; the first image is shown once it is there. */
export async function more() {
  if (isAsking || hasAll) return;
  isAsking = true;
  const asked = isAsked;
  try {
    const wanted = nWanted();
    const given = await ask(wanted);
    if (asked !== isAsked) return;
    const known = new Set(state.entries.map(({ id }) => id));
    const fresh = given.map(imageOf).filter(({ id }) => !known.has(id));
    hasAll = given.length < wanted;
    state.entries.push(...fresh);
    isAsking = false;
    if (known.size) addEntries(known.size);
    else showEntries();
    given.forEach(({ id }) => { if (known.has(id)) showEntry(id); });
    tell("entries");
    if (state.index < 0) goTo(0);
  } catch (error) {
    if (asked === isAsked) notify(text("queue.unread", { message: error.message }), { isAlert: true });
  } finally {
    if (asked === isAsked) isAsking = false;
  }
}

/** Those after the ones that the list has; a queue, and what people disagree on, begin with what is left of these. */
function nWanted() {
  const { kind, filter } = state.source;
  if (kind === "queue") return Math.min(LONGEST, PAGE + state.entries.filter(IS_IN.unlabeled).length);
  return filter === "disagreed" ? Math.min(LONGEST, PAGE + state.entries.length) : PAGE;
}

async function ask(n) {
  const { kind, strategy, filter } = state.source;
  if (kind === "queue") return (await getQueue(n, strategy)).entries;
  const offset = state.entries.filter(IS_IN[filter] ?? (() => true)).length;
  return (await getImages({ filter, search: state.search, sort: state.sort, offset, limit: n })).images;
}

/** What was labeled since may have left a list that hangs on labels, and all behind it moved up. */
const IS_IN = {
  unlabeled: ({ label }) => !label,
  good: ({ label }) => label === "good",
  defective: ({ label }) => label === "defective",
  unsure: ({ label }) => label === "unsure" || label === "skipped",
  wrong: ({ label, decision }) => (decision === "rejected" ? label === "good" : label === "defective"),
  disagreed: () => false, // what others said is not known here
};

/** Show a list by its name in the choice: "queue:mix" or "filter:good". */
export function useSource(name) {
  const [kind, value] = name.split(/:(.*)/);
  state.source = kind === "queue" ? { kind, strategy: value } : { kind, filter: value };
  if (kind === "queue") {
    state.search = "";
    byId("search").value = "";
  }
  showSources(true);
  return reload();
}

function search(words) {
  if (words === state.search) return;
  state.search = words;
  if (state.source.kind === "queue") state.source = { kind: "filter", filter: "all" };
  showSources(true);
  reload();
}


function showSources(isChanged = false) {
  const select = byId("source");
  if (select.options.length && !isChanged) return;
  const strategies = ["mix", ...(state.project?.strategies ?? []).filter((strategy) => strategy !== "mix")];
  const option = (value, name, isSelected) => element("option", { value, selected: isSelected }, name);
  const { source } = state;
  select.replaceChildren(
    element("optgroup", { label: text("queue.to_ask") },
      strategies.map((strategy) => option(`queue:${strategy}`, text(`strategy.${strategy}`), source.strategy === strategy))),
    element("optgroup", { label: text("queue.all_images") },
      FILTERS.map((filter) => option(`filter:${filter}`, text(`filter.${filter}`), source.filter === filter))),
  );
  byId("sort-label").hidden = source.kind === "queue";
  byId("sort").replaceChildren(...SORTS.map((sort) => option(sort, text(`sort.${sort}`), state.sort === sort)));
}

function showEntries() {
  byId("entries").replaceChildren();
  addEntries(0);
  if (!state.entries.length) byId("entries").append(element("li", { class: "none" }, text(isAsking ? "queue.loading" : "queue.empty")));
  showCurrent();
}

/** Those from an index on; the others keep their place and the focus. */
function addEntries(from) {
  byId("entries").append(...state.entries.slice(from).map((image, i) => entryOf(image, from + i)));
}

function entryOf(image, index) {
  const item = element("li", { "data-id": image.id },
    element("button", { type: "button", "data-index": index },
      element("img", { src: previewUrl(image.id, 256), alt: "", loading: "lazy", decoding: "async", width: 56, height: 56 }),
      element("span", { class: "entry-text" },
        element("span", { class: "entry-name", title: image.name }, fileName(image.name)),
        element("span", { class: "entry-why" }, why(image))),
      element("span", { class: "mark" })));
  markEntry(item, image);
  return item;
}


function why(image) {
  const score = text("facts.score_of", { score: fixed(image.score) });
  if (image.strategy && state.source.kind === "queue") {
    return `${text(`strategy.${image.strategy}`)} · ${score}`;
  }
  return `${score} · ${text(`decision.${image.decision}`)}`;
}

function markEntry(item, image) {
  const mark = item.querySelector(".mark");
  mark.dataset.label = image.label ?? "none";
  mark.dataset.saving = image.saving;
  mark.textContent = image.label ? text(`label_sign.${image.label}`) : "";
  const said = image.label ? text(`label.${image.label}`) : "";
  mark.title = image.saving === "waiting" ? text("queue.waiting", { label: said }) : said;
  mark.toggleAttribute("role", Boolean(image.label));
  if (image.label) {
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", mark.title);
  } else mark.removeAttribute("aria-label");
}

function showEntry(id) {
  const item = byId("entries").querySelector(`[data-id="${id}"]`);
  const image = state.entries.find((entry) => entry.id === id);
  if (item && image) markEntry(item, image);
}

function showCurrent() {
  const list = byId("entries");
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  const button = list.querySelector(`[data-index="${state.index}"]`);
  if (!button) return;
  button.setAttribute("aria-current", "true");
  const item = button.parentElement;
  const [above, left] = [item.offsetTop - list.clientHeight / 3, item.offsetLeft - list.clientWidth / 3];
  list.scrollTo({ top: above, left, behavior: "instant" });
}

function fillIfSeen() {
  const list = byId("entries");
  const below = Math.min(list.scrollHeight - list.scrollTop - list.clientHeight, Infinity);
  const beside = list.scrollWidth - list.scrollLeft - list.clientWidth;
  if (state.source.kind === "filter" && below < 200 && beside < 200) more();
}

/** "Last 20: 3 defects", what the next labels would bring, and whether that is enough. */
function showGain() {
  const box = byId("gain");
  const gain = state.project?.gain;
  const { n, nDefective } = lastOnes();
  box.hidden = !gain && !n;
  box.dataset.enough = String(Boolean(gain?.is_enough));
  box.replaceChildren();
  if (n) box.append(element("p", {}, text("gain.last", { m: n, n: nDefective })));
  if (!gain) return;
  box.append(
    element("p", { class: "soft" }, text("gain.next", { n: gain.n_next, percent: fixed(gain.flip_ratio * 100, 1) })),
    element("p", { class: "verdict" }, text(gain.is_enough ? "gain.enough" : "gain.go_on")),
  );
}
