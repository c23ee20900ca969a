/** Deciding, and taking decisions back: every step is a set of images with their label before and after. */

import { announce, notify } from "./announce.js";
import { tell, listen } from "./events.js";
import { post } from "./outbox.js";
import { currentImage, goTo, imageWith, state } from "./state.js";
import { text } from "./texts.js";

const LAST = 20;
const LONGEST_S = 600; // a person who went for lunch did not look that long

let undone = [];
let steps = [];
let shownAt = performance.now();
let lastDecisions = []; // values, newest last: "last 20: 3 defects"

export const lastOnes = () => ({ n: lastDecisions.length, nDefective: lastDecisions.filter((v) => v === "defective").length });

export function startLabeling() {
  listen("image", () => { shownAt = performance.now(); });
  listen("refused", ({ item, message }) => {
    if (item.kind === "label") takeOver(item.id, item.before ?? { value: null, defect_type: "" });
    notify(text("label.refused", { name: nameOf(item.id), message }), { isAlert: true });
  });
  listen("saved", ({ item, label }) => {
    if (item.kind !== "label") return;
    const said = label?.value ?? item.value;
    const told = { n: item.n ?? 1, name: nameOf(item.id) };
    announce(said ? text("label.saved", { ...told, label: text(`label.${said}`) }) : text("label.cleared", told));
  });
}

/** Label images; of one image the page then goes on to the next. */
export function decide(images, value, defectType = "") {
  const label = { value, defect_type: value === "defective" ? defectType : "" };
  const changes = images.map((image) => ({ id: image.id, before: labelOf(image), after: label }));
  if (!changes.length) return;
  steps.push(changes);
  undone = [];
  lastDecisions = [...lastDecisions, ...images.map(() => value)].slice(-LAST);
  apply(changes, "after");
}

/** Label the image on screen and go on. */
export function decideCurrent(value, defectType = "") {
  const image = currentImage();
  if (!image) return;
  decide([image], value, defectType);
  goOn();
}

export function goOn() {
  if (!goTo(state.index + 1)) tell("end-of-list");
}

/** Take the last step back and show its image. */
export function undoDecision() {
  const changes = steps.pop();
  if (!changes) return;
  undone.push(changes);
  lastDecisions = lastDecisions.slice(0, -changes.length);
  apply(changes, "before");
  if (changes.length > 1) notify(text("label.undone", { n: changes.length })); // most of them are not on screen
  show(changes);
}

export function redoDecision() {
  const changes = undone.pop();
  if (!changes) return;
  steps.push(changes);
  lastDecisions = [...lastDecisions, ...changes.map((change) => change.after.value)].slice(-LAST);
  apply(changes, "after");
  show(changes);
}

/** What the server has, shown without being sent. */
export function takeOver(id, label) {
  const image = imageWith(id);
  if (!image) return;
  image.label = label?.value ?? null;
  image.defectType = label?.defect_type ?? "";
  image.saving = "saved";
  tell("labeled", [id]);
}

const labelOf = (image) => ({ value: image.label ?? null, defect_type: image.defectType ?? "" });
const nameOf = (id) => imageWith(id)?.name ?? String(id);

function apply(changes, side) {
  const seconds = Math.min((performance.now() - shownAt) / 1000, LONGEST_S) / changes.length;
  shownAt = performance.now();
  const items = changes.map((change) => {
    const image = imageWith(change.id);
    image.label = change[side].value;
    image.defectType = change[side].defect_type;
    return {
      kind: "label", id: change.id, ...change[side], seconds: Math.round(seconds * 1000) / 1000,
      strategy: image.strategy ?? "", before: change[side === "after" ? "before" : "after"],
      n: changes.filter((other) => other[side].value === change[side].value).length, // labeled alike at once
    };
  });
  post(items);
  tell("labeled", changes.map((change) => change.id));
}

function show(changes) {
  const index = state.entries.findIndex((image) => image.id === changes[0].id);
  if (index >= 0 && state.view === "photo") goTo(index);
}
