/** The image beside one that it resembles, large: inspectors decide by comparison. */

import { previewUrl } from "./api.js";
import { openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { text } from "./texts.js";

/** Kinds of alike images, in order. */
export const KINDS = ["good", "unconfirmed", "defective"];

/** Compare image `id` with the `position`-th of `alike[kind]`; arrows go through all of them. */
export function openComparison(id, alike, kind, position) {
  const others = KINDS.flatMap((each) => (alike[each] ?? []).map((other) => ({ id: other, kind: each })));
  let at = others.findIndex((other) => other.kind === kind) + position;
  const dialog = openDialog("comparison", text("alike.comparison"), { isWide: true });
  const picture = element("img", { alt: "" });
  const caption = element("figcaption", {});
  const show = (index) => {
    at = (index + others.length) % others.length;
    picture.src = previewUrl(others[at].id, 1600);
    caption.textContent = text(`alike.is_${others[at].kind}`, { n: at + 1, total: others.length });
    caption.dataset.kind = others[at].kind;
  };
  dialog.body.append(element("div", { class: "compared" },
    element("figure", {}, element("img", { src: previewUrl(id, 1600), alt: "" }), element("figcaption", {}, text("alike.this_one"))),
    element("figure", {}, picture, caption)));
  dialog.foot.append(
    element("button", { type: "button", onclick: () => show(at - 1) }, text("alike.previous")),
    element("button", { type: "button", onclick: () => show(at + 1) }, text("alike.next")));
  dialog.dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
  });
  show(at);
}
