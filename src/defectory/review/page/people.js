/** Images that two people labeled differently, to be looked at again. */

import { getDisagreements, previewUrl } from "./api.js";
import { announce } from "./announce.js";
import { fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { tell } from "./events.js";
import { moment } from "./numbers.js";
import { ownName, useName } from "./own_name.js";
import { state } from "./state.js";
import { text } from "./texts.js";

export function openPeople() {
  const dialog = openDialog("people", text("people.title"));
  return fill(dialog.body, getDisagreements, ({ images }) => {
    dialog.body.append(nameForm());
    if (!images.length) return dialog.body.append(element("p", { class: "soft" }, text("people.none")));
    dialog.body.append(element("p", {}, text("people.lead", { n: images.length })), element("ul", { class: "disagreed" }, images.map(rowOf)));
    const look = () => { dialog.close(); tell("use-source", "filter:disagreed"); };
    dialog.foot.append(element("button", { type: "button", class: "primary", onclick: look }, text("people.look")));
  });
}

function nameForm() {
  const field = element("input", { id: "who", type: "text", maxlength: 60, autocomplete: "name", value: ownName() || state.project?.who || "" });
  const save = element("button", { type: "submit" }, text("people.save"));
  const use = (event) => {
    event.preventDefault();
    useName(field.value);
    announce(text("people.open", { who: ownName() || state.project?.who }));
  };
  return element("form", { class: "field", onsubmit: use }, element("label", { for: "who" }, text("people.you")), field, save);
}

const rowOf = ({ id, name, labels }) => element("li", {}, element("img", { src: previewUrl(id, 256), alt: "", loading: "lazy" }),
  element("div", {}, element("strong", { class: "name" }, name),
    element("ul", {}, labels.map(({ value, who, when }) => element("li", {},
      text("conflict.who", { label: text(value ? `label.${value}` : "label.taken_back"), who, when: moment(when) }))))));
