/** The middle: the photo of the current image, its heatmap, regions and mask. */

import { announce } from "./announce.js";
import { Unreachable } from "./api.js";
import { Brush } from "./brush.js";
import { KINDS, openComparison } from "./comparison.js";
import { byId } from "./dom.js";
import { listen, tell } from "./events.js";
import { fixed } from "./numbers.js";
import { PhotoView } from "./photo_view.js";
import { factsOf, freshFacts, fullSizeOf, heatmapOf, picturesOf, startPictures } from "./pictures.js";
import { Pointers } from "./pointers.js";
import { recall, remember } from "./settings.js";
import { currentImage, state } from "./state.js";
import { text } from "./texts.js";
import { showTools } from "./tool_bar.js";

const HEATS = ["off", "on", "blink"];
const SHARPEN_REST_MS = 200;
const PAN_PX = 60;

let view = null;
let brush = null;
let heat = HEATS.includes(recall("heat")) ? recall("heat") : "off";
let shownId = null; // nobody decides on a photo that is not there yet
let isCutOff = false; // the photo did not come for want of a connection
let sharpening = 0;
let hasFullSize = false;

export function startPhotoPane() {
  const canvases = { photo: byId("photo"), heat: byId("heat"), marks: byId("marks") };
  view = new PhotoView(byId("stage"), canvases);
  view.onview = sharpenSoon;
  brush = new Brush(view, byId("ring"));
  new Pointers(view, brush);
  startPictures();
  listen("image", show);
  listen("reload", () => brush.putAside()); // its photo stays on screen until the next one is known
  listen("project", () => { if (isCutOff) show(currentImage()); }); // the server answers again
  listen("labeled", (ids) => { if (ids.includes(currentImage()?.id)) showLabel(); });
  listen("mask-replaced", async (id) => {
    await refreshFacts(id);
    if (id === currentImage()?.id) brush.load();
  });
  listen("saved", ({ item }) => { if (item.id === currentImage()?.id) refreshFacts(item.id); });
  listen("language", () => { describe(); showLabel(); });
  listen("tool", (tool) => showTools({ tool }));
  useHeat(heat);
}

export const isShown = () => shownId !== null && shownId === currentImage()?.id;

async function show(image) {
  shownId = null;
  isCutOff = false;
  delete byId("stage").dataset.shown;
  brush.putAside();
  view.clear();
  showLabel();
  byId("stage-empty").hidden = Boolean(image);
  if (!image) return void (byId("stage-empty").textContent = text("photo.none"));
  try {
    const [photo, facts] = await Promise.all([picturesOf(image.id).preview, factsOf(image.id)]);
    if (currentImage() !== image) return;
    state.facts = facts;
    hasFullSize = photo.width >= facts.width;
    view.show(photo, facts);
    view.showRegions(facts.regions ?? []);
    shownId = image.id;
    byId("stage").dataset.shown = image.id;
    tell("facts", facts);
    describe();
    brush.load();
    showHeat(image);
  } catch (error) {
    if (currentImage() !== image) return;
    isCutOff = error instanceof Unreachable;
    byId("stage-empty").hidden = false;
    byId("stage-empty").textContent = text("photo.unread", { message: state.isConnected ? error.message : text("photo.offline") });
  }
}

async function refreshFacts(id) {
  const facts = await freshFacts(id).catch(() => null);
  if (!facts || currentImage()?.id !== id) return;
  state.facts = facts;
  tell("facts", facts);
}

async function showHeat(image) {
  if (heat === "off") return;
  const heatmap = await heatmapOf(image.id).catch(() => null);
  if (currentImage() === image && isShown()) view.showHeatmap(heatmap);
}

/** What a screen reader hears of the photo, and the label on it. */
function describe() {
  const image = currentImage();
  if (!image || !state.facts) return;
  byId("photo-said").textContent = text("photo.said", {
    name: image.name, score: fixed(image.score), decision: text(`decision.${image.decision}`), n: state.facts.regions?.length ?? 0,
  });
}

function showLabel() {
  const image = currentImage();
  const label = byId("stage-label");
  label.hidden = !image?.label;
  if (!image?.label) return;
  label.dataset.label = image.label;
  label.textContent = [text(`label.${image.label}`), image.defectType].filter(Boolean).join(" · ");
}

/** Near enough to see more than the preview has, the photo is fetched in full size. */
function sharpenSoon(viewport) {
  clearTimeout(sharpening);
  if (hasFullSize || !view?.photo || viewport.scale * viewport.image.width <= view.photo.width) return;
  sharpening = setTimeout(async () => {
    const image = currentImage();
    const photo = image && (await fullSizeOf(image.id).catch(() => null)); // none while a list is begun anew
    if (!photo || currentImage() !== image) return photo?.close();
    hasFullSize = true;
    view.sharpen(photo);
  }, SHARPEN_REST_MS);
}

function useHeat(next) {
  heat = next;
  remember("heat", heat);
  byId("stage").dataset.heat = heat;
  showTools({ heat });
}

const zoom = (factor) => () => view.move((viewport) => viewport.zoom(factor));
const pan = (x, y) => () => view.move((viewport) => viewport.pan(x * PAN_PX * view.ratio, y * PAN_PX * view.ratio));

/** What keys and buttons do to the photo. */
export const photoActions = {
  heatmap: () => {
    useHeat(HEATS[(HEATS.indexOf(heat) + 1) % HEATS.length]);
    announce(text(`heat.${heat}`));
    if (currentImage()) showHeat(currentImage());
  },
  regions: () => {
    view.showsRegions = !view.showsRegions;
    view.redraw();
    showTools({ regions: view.showsRegions });
  },
  region: () => {
    const n = view.nextRegion();
    announce(n ? text("photo.region", { n, total: view.regions.length, score: fixed(view.regions[n - 1].score) }) : text("photo.no_regions"));
  },
  zoom_in: zoom(1.4), zoom_out: zoom(1 / 1.4), fit: () => view.move((viewport) => viewport.fit()),
  pan_left: pan(1, 0), pan_right: pan(-1, 0), pan_up: pan(0, 1), pan_down: pan(0, -1),
  brush: () => brush.use("brush"), eraser: () => brush.use("eraser"), put_down: () => { if (brush.isOn) brush.use(brush.tool); },
  larger: () => brush.resize(1), smaller: () => brush.resize(-1), outline: () => brush.takeOutline(),
  compare: () => {
    const { facts } = state;
    const kind = KINDS.find((each) => facts?.alike?.[each]?.length);
    if (kind) openComparison(facts.id, facts.alike, kind, 0);
  },
};

export const undoStroke = () => state.view === "photo" && brush.undo();
export const redoStroke = () => state.view === "photo" && brush.redo();
