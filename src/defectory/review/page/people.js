/** Images that two people labeled differently, to be looked at again. */

import { getDisagreements, previewUrl } from "./api.js";
import { fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { tell } from "./events.js";
import { moment } from "./numbers.js";
import { state } from "./state.js";
import { text } from "./texts.js";

export function openPeople() {
  const dialog = openDialog("people", text("people.title"));
  return fill(dialog.body, getDisagreements, ({ images }) => {
    dialog.body.append(element("p", {}, text("people.you", { who: state.project?.who ?? "" })));
    if (!images.length) return dialog.body.append(element("p", { class: "soft" }, text("people.none")));
    dialog.body.append(element("p", {}, text("people.lead", { n: images.length })), element("ul", { class: "disagreed" }, images.map(rowOf)));
    const look = () => { dialog.close(); tell("use-source", "filter:disagreed"); };
    dialog.foot.append(element("button", { type: "button", class: "primary", onclick: look }, text("people.look")));
  });
}

const rowOf = ({ id, name, labels }) => element("li", {}, element("img", { src: previewUrl(id, 256), alt: "", loading: "lazy" }),
  element("div", {}, element("strong", { class: "name" }, name),
    element("ul", {}, labels.map(({ value, who, when }) => element("li", {},
      text("conflict.who", { label: text(value ? `label.${value}` : "label.taken_back"), who, when: moment(when) }))))));
