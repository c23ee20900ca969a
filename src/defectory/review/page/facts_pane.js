/** The right side: what the detector says of the image, why it is asked, what it resembles, what was decided. */

import { previewUrl } from "./api.js";
import { KINDS, openComparison } from "./comparison.js";
import { byId, element, fileName, folderName } from "./dom.js";
import { listen } from "./events.js";
import { decideCurrent } from "./labeling.js";
import { fixed, moment, percent, plain } from "./numbers.js";
import { promiseInWords } from "./promise.js";
import { currentImage, state } from "./state.js";
import { text } from "./texts.js";

let ownTypes = [];
let shownProject = ""; // what the pane shows of it

export function startFactsPane() {
  for (const name of ["image", "facts", "language"]) listen(name, showFacts);
  // it comes again and again: a pane made anew for nothing would close what is open in it, and lose the focus
  listen("project", () => { if (ofProject() !== shownProject) showFacts(); });
  listen("labeled", (ids) => { if (ids.includes(currentImage()?.id)) showFacts(); });
}

/** Types that digits choose, in order. */
export const defectTypes = () => [...new Set([...(state.project?.defect_types ?? []), ...ownTypes])];

const ofProject = () => JSON.stringify([state.project?.bundle, defectTypes()]);

function showFacts() {
  const pane = byId("facts");
  if (pane.contains(document.activeElement) && document.activeElement.id === "new-type") return;
  shownProject = ofProject();
  const image = currentImage();
  if (!image) return pane.replaceChildren(element("p", { class: "soft" }, text("facts.none")));
  const { facts } = state;
  pane.replaceChildren(...[
    heading(image, facts), decision(image), asked(image), facts && resembles(facts), types(image), facts && past(facts),
  ].filter(Boolean));
}

function heading(image, facts) {
  const size = facts ? text("facts.size", { width: facts.width, height: facts.height }) : "";
  const folder = folderName(image.name);
  return element("header", {}, element("h2", { title: image.name }, fileName(image.name)),
    folder && element("p", { class: "soft folder" }, folder), element("p", { class: "soft" }, size));
}

function decision(image) {
  const { bundle } = state.project ?? {};
  const threshold = bundle?.threshold ?? null;
  const sign = image.score > threshold ? "above" : "below";
  const { facts } = state;
  return element("section", { "aria-label": text("facts.decision") },
    element("p", { class: "score", "data-decision": image.decision },
      element("strong", {}, fixed(image.score)), element("span", { class: "chip" }, text(`decision.${image.decision}`))),
    threshold !== null && element("p", {}, text(`facts.${sign}`, { score: fixed(image.score), threshold: fixed(threshold) })),
    bundle && element("p", { class: "soft" }, text(`facts.set_to.${bundle.promised.basis}`, { rate: percent(bundle.promised.false_reject_rate) })),
    bundle && element("details", { class: "promise" }, element("summary", {}, text("facts.promise")),
      element("p", { class: "soft" }, promiseInWords(bundle.promised))),
    typeof facts?.p_value === "number" && element("p", { class: "soft", title: text("facts.p_value_means") },
      text("facts.p_value", { p: plain(facts.p_value, 4) })));
}

function asked(image) {
  if (!image.strategy) return null;
  return element("section", {}, element("h3", {}, text("facts.why")), element("p", {}, text(`strategy.${image.strategy}`)),
    element("p", { class: "soft" }, text(`why_asked.${image.strategy}`)));
}

function resembles({ id, alike }) {
  const row = (kind) => {
    const ids = alike?.[kind] ?? [];
    if (kind === "unconfirmed" && !ids.length) return null;
    const pictures = ids.map((other, i) => element("button", {
      type: "button", class: "thumb", "aria-label": text(`alike.compare_${kind}`, { n: i + 1 }),
      onclick: () => openComparison(id, alike, kind, i),
    }, element("img", { src: previewUrl(other, 256), alt: "", decoding: "async" })));
    return element("div", { class: "alike", "data-kind": kind }, element("h4", {}, text(`alike.${kind}`)),
      ids.length ? element("div", { class: "thumbs" }, pictures) : element("p", { class: "soft" }, text(`alike.no_${kind}`)));
  };
  return element("section", {}, element("h3", {}, text("alike.title")), KINDS.map(row));
}

function types(image) {
  const chosen = image.label === "defective" ? image.defectType : null;
  const known = defectTypes();
  const buttons = known.map((type, i) => element("button", {
    type: "button", class: "type", "aria-pressed": String(chosen === type), onclick: () => decideCurrent("defective", type),
    "aria-keyshortcuts": i < 9 ? String(i + 1) : null,
  }, i < 9 && element("kbd", { "aria-hidden": "true" }, String(i + 1)), type));
  return element("section", {}, element("h3", {}, text("types.title")),
    element("p", { class: "soft" }, text("types.lead")),
    buttons.length > 0 && element("div", { class: "types" }, buttons), newType());
}

function newType() {
  const field = element("input", { id: "new-type", type: "text", maxlength: 60, placeholder: text("types.new"), "aria-label": text("types.new"), autocomplete: "off" });
  const add = (event) => {
    event.preventDefault();
    const type = field.value.trim();
    if (!type) return;
    ownTypes = [...new Set([...ownTypes, type])];
    field.blur();
    decideCurrent("defective", type);
  };
  return element("form", { class: "new-type", onsubmit: add }, field, element("button", { type: "submit" }, text("types.add")));
}

function past({ history }) {
  if (!history?.length) return null;
  const lines = [...history].reverse().map(({ value, defect_type, who, when }) => element("li", {},
    element("strong", {}, [value ? text(`label.${value}`) : text("label.taken_back"), defect_type].filter(Boolean).join(" · ")),
    element("span", { class: "soft" }, ` ${who}, ${moment(when)}`)));
  return element("section", {}, element("h3", {}, text("past.title")), element("ol", { class: "past" }, lines));
}
