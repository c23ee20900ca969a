/** Pictures and facts, fetched ahead: the next three images are decoded before anyone asks. */

import { getHeatmap, getImage, getOutline, getPreview } from "./api.js";
import { listen } from "./events.js";
import { imageOf, state } from "./state.js";

const PREVIEW_SIDE = 1600;
const N_AHEAD = 3;
const N_KEPT = 9;

/** Promises by image, in the order of their last use. */
const kept = new Map();

/** What there is to an image: `preview` and `heatmap` (ImageBitmap or null) and `facts`, as promises. */
export function picturesOf(id) {
  const pictures = kept.get(id) ?? { preview: null, heatmap: null, facts: fetchFacts(id) };
  fetchOnce(pictures, "preview", () => getPreview(id, PREVIEW_SIDE));
  kept.delete(id);
  kept.set(id, pictures);
  for (const [oldest, old] of kept) {
    if (kept.size <= N_KEPT) break;
    kept.delete(oldest);
    closeAll(old);
  }
  return pictures;
}

/** The heatmap, asked for when it is first shown. */
export function heatmapOf(id) {
  return fetchOnce(picturesOf(id), "heatmap", () => getHeatmap(id));
}

/** A picture is kept; what failed, as without a connection, is asked for again. */
function fetchOnce(pictures, kind, ask) {
  const picture = (pictures[kind] ??= decoded(ask()));
  picture.catch(() => { if (pictures[kind] === picture) pictures[kind] = null; });
  return picture;
}

export const fullSizeOf = (id) => decoded(getPreview(id, 0));
export const outlineOf = (id) => decoded(getOutline(id));

/** Facts as the server has them now. */
export function freshFacts(id) {
  const facts = fetchFacts(id);
  if (kept.has(id)) kept.get(id).facts = facts;
  return facts;
}

export function startPictures() {
  listen("image", fetchAhead);
  listen("bundle-changed", () => { for (const pictures of kept.values()) Object.assign(pictures, { heatmap: null, isStale: true }); });
  listen("saved", ({ item }) => { if (kept.has(item.id)) kept.get(item.id).isStale = true; });
}

export function factsOf(id) {
  const pictures = picturesOf(id);
  const before = pictures.facts;
  if (before && !pictures.isStale) return before;
  pictures.isStale = false;
  const facts = fetchFacts(id);
  // without a connection, what was known before the label is better than nothing
  pictures.facts = before ? facts.catch(() => { pictures.isStale = true; return before; }) : facts;
  return pictures.facts;
}

async function fetchAhead(image) {
  if (!image) return;
  await picturesOf(image.id).preview.catch(() => null); // the one on screen first
  for (const next of state.entries.slice(state.index + 1, state.index + 1 + N_AHEAD)) heatmapOf(next.id);
  picturesOf(image.id);
}

function fetchFacts(id) {
  const facts = getImage(id).then((given) => {
    imageOf({ id, name: given.name, score: given.score, decision: given.decision, label: given.label, etag: given.etag });
    return given;
  });
  facts.catch(() => { if (kept.get(id)?.facts === facts) kept.get(id).facts = null; });
  return facts;
}

function decoded(blob) {
  const picture = blob.then((given) => (given?.size ? createImageBitmap(given) : null));
  picture.catch(() => {}); // whoever shows it hears of it
  return picture;
}

function closeAll({ preview, heatmap }) {
  for (const picture of [preview, heatmap]) picture?.then((bitmap) => bitmap?.close(), () => {});
}
