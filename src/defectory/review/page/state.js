/** What the page knows: the project, the images of the list, where the person is. */

import { tell } from "./events.js";

export const state = {
  project: null,
  source: { kind: "queue", strategy: "mix" },
  search: "",
  sort: "-score",
  entries: [], // what the list on the left shows, in order
  index: -1,
  facts: null, // of the image on screen; null until they are there
  view: "photo",
  isConnected: true,
  isSignedOut: false, // the server is there, but does not know this browser any more
  nWaiting: 0,
};

/** One object an image, shared by every list that shows it. */
const images = new Map();

/** What the server last said of each image's labels, for If-Match. */
const etags = new Map();

/** Take over what a list of the server says of an image; it may be older than the label, as etags, which only grow, tell. */
export function imageOf(given) {
  const label = typeof given.label === "object" ? given.label?.value : given.label;
  const known = images.get(given.id) ?? { id: given.id, saving: "saved" };
  const fresh = { ...given };
  delete fresh.label;
  Object.assign(known, fresh);
  const isCurrent = known.saving === "saved" && Number(given.etag) >= Number(etagOf(given.id));
  if (isCurrent) etags.set(given.id, given.etag);
  if (isCurrent || known.label === undefined) {
    known.label = label ?? null;
    known.defectType = given.label?.defect_type ?? given.defect_type ?? "";
  }
  images.set(given.id, known);
  return known;
}

/** What an earlier page could not send: a label stands, and its state is what the person saw, whatever lists say of it. */
export function takeUp({ id, kind, value, defect_type, etag }) {
  const label = kind === "label" ? { label: value, defectType: defect_type } : {};
  images.set(id, { id, ...images.get(id), ...label, saving: "waiting" });
  rememberEtag(id, etag);
}

export const imageWith = (id) => images.get(id);
export const etagOf = (id) => etags.get(id) ?? null;
export const rememberEtag = (id, etag) => etag && etags.set(id, etag);
export const currentImage = () => state.entries[state.index] ?? null;

export function setProject(project) {
  state.project = project;
  tell("project", project);
}

export function setConnection(isConnected, nWaiting) {
  if (state.isConnected === isConnected && state.nWaiting === nWaiting) return;
  Object.assign(state, { isConnected, nWaiting });
  tell("connection");
}

/** Go to a place of the list; out of range is no place. */
export function goTo(index) {
  if (index < 0 || index >= state.entries.length || index === state.index) return false;
  tell("leaving", currentImage());
  state.index = index;
  state.facts = null;
  tell("image", currentImage());
  return true;
}

export function setView(view) {
  if (state.view === view) return;
  if (view === "grid") tell("leaving", currentImage());
  state.view = view;
  tell("view", view);
}
