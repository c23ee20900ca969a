/** Somebody else decided in between: both decisions are shown, and a person chooses. */

import { previewUrl } from "./api.js";
import { openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { listen, tell } from "./events.js";
import { takeOver } from "./labeling.js";
import { moment } from "./numbers.js";
import { post } from "./outbox.js";
import { imageWith, rememberEtag } from "./state.js";
import { text } from "./texts.js";

const open = [];

export function startConflicts() {
  listen("conflict", (conflict) => {
    open.push(conflict);
    if (open.length === 1) showNext();
  });
}

function showNext() {
  const [{ item, current }] = open;
  const name = imageWith(item.id)?.name ?? String(item.id);
  let choice = "theirs"; // closing the dialog keeps what is on disk
  const dialog = openDialog("conflict", text("conflict.title"), { onclose: () => settle(item, current, choice) });
  const choose = (value) => () => { choice = value; dialog.close(); };
  dialog.body.append(
    element("div", { class: "asked" },
      element("img", { src: previewUrl(item.id, 256), alt: "" }),
      element("div", {},
        element("p", { class: "name" }, text("conflict.lead", { name })),
        element("dl", { class: "facts" },
          element("dt", {}, text("conflict.theirs")), element("dd", {}, described(current.label)),
          element("dt", {}, text("conflict.mine")), element("dd", {}, item.kind === "mask" ? text("conflict.mask") : labelName(item))))),
  );
  dialog.foot.append(
    element("button", { type: "button", onclick: choose("theirs") }, text("conflict.keep")),
    element("button", { type: "button", onclick: choose("mine") }, text("conflict.use_mine")),
  );
}

function settle(item, current, choice) {
  open.shift();
  rememberEtag(item.id, current.etag);
  takeOver(item.id, choice === "mine" && item.kind === "label" ? item : current.label);
  if (choice === "mine") post([{ ...item, client_id: undefined, etag: current.etag, before: current.label }]); // last: it is shown as on its way
  if (item.kind === "mask" && choice === "theirs") tell("mask-replaced", item.id);
  if (open.length) showNext();
}

const labelName = ({ value, defect_type }) =>
  [value ? text(`label.${value}`) : text("label.none"), defect_type].filter(Boolean).join(" · ");

const described = (label) =>
  label ? text("conflict.who", { label: labelName(label), who: label.who, when: moment(label.when) }) : text("label.none");
