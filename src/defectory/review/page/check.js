/** The last look: images just rejected and just accepted that nobody labeled; what is wrong is one click. */

import { getImages, previewUrl } from "./api.js";
import { announce } from "./announce.js";
import { actionButton, fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { fixed } from "./numbers.js";
import { decide } from "./labeling.js";
import { imageOf } from "./state.js";
import { text } from "./texts.js";

const N_LOOKED_AT = 20;
const SIDES = {
  rejected: { filter: "unlabeled-rejected", sort: "score", right: "defective", wrong: "good" },
  accepted: { filter: "unlabeled-accepted", sort: "-score", right: "good", wrong: "defective" },
};

export function openCheck() {
  const dialog = openDialog("check", text("check.title"), { isWide: true });
  return fill(dialog.body, readSides, (sides) => {
    dialog.body.append(element("p", {}, text("check.lead")), ...Object.entries(sides).map(([name, images]) => sideOf(name, images)));
    const waiting = () => Object.entries(sides).flatMap(([name, images]) => images.filter(({ label }) => !label).map((image) => [SIDES[name].right, image]));
    if (!waiting().length) return;
    dialog.foot.append(actionButton(text("check.rest"), () => {
      const rest = waiting();
      for (const value of ["good", "defective"]) decide(rest.filter(([right]) => right === value).map(([, image]) => image), value);
      dialog.close();
      announce(text("check.confirmed", { n: rest.length }));
    }, { isPrimary: true, place: dialog.body }));
  });
}

async function readSides() {
  const asked = Object.entries(SIDES).map(async ([name, { filter, sort }]) => {
    const { images } = await getImages({ filter, search: "", sort, offset: 0, limit: N_LOOKED_AT });
    return [name, images.map(imageOf)];
  });
  return Object.fromEntries(await Promise.all(asked));
}

function sideOf(name, images) {
  const heading = element("h3", { id: `check-${name}` });
  const count = () => {
    const n = images.filter(({ label }) => label === SIDES[name].wrong).length;
    heading.textContent = text(`check.${name}`, { n: images.length, wrong: n });
  };
  count();
  const items = images.map((image) => element("li", {}, tileOf(image, SIDES[name].wrong, count)));
  return element("section", { "aria-labelledby": heading.id }, heading,
    images.length ? element("ul", { class: "checked" }, items) : element("p", { class: "soft" }, text("check.none")));
}

/** A picture that a click labels as wrongly decided, and another click not any more. */
function tileOf(image, wrong, onchange) {
  const said = element("span", { class: "chip" });
  const button = element("button", { type: "button", "aria-pressed": "false" },
    element("img", { src: previewUrl(image.id, 256), alt: image.name, loading: "lazy", decoding: "async" }), said);
  const show = () => {
    const isWrong = image.label === wrong;
    button.setAttribute("aria-pressed", String(isWrong));
    said.textContent = isWrong ? text(`label.${wrong}`) : text("facts.score_of", { score: fixed(image.score) });
    onchange();
  };
  button.addEventListener("click", () => {
    decide([image], image.label === wrong ? null : wrong);
    show();
  });
  show();
  return button;
}
