/** Dialogs of the page: a title, what it says, and the ways out; Escape closes. */

import { element } from "./dom.js";
import { text } from "./texts.js";

/**
 * Open a dialog with empty `body` and `foot`, to be filled; `close()` closes it.
 * The same one is not opened twice: an open one of this name is replaced.
 */
export function openDialog(name, title, { isWide = false, onclose = () => {} } = {}) {
  document.getElementById(`dialog-${name}`)?.close();
  const body = element("div", { class: "dialog-body", tabindex: 0 });
  const foot = element("footer", { class: "dialog-foot" });
  const shut = element("button", { type: "button", class: "quiet", "aria-label": text("close"), onclick: () => dialog.close() }, "×");
  const heading = element("h2", { id: `title-${name}`, tabindex: -1 }, title);
  const dialog = element("dialog", { id: `dialog-${name}`, class: isWide ? "wide" : "", "aria-labelledby": `title-${name}` },
    element("header", { class: "dialog-head" }, heading, shut), body, foot);
  dialog.addEventListener("close", () => { dialog.remove(); onclose(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  return { body, foot, dialog, close: () => dialog.close() };
}

export const isDialogOpen = () => document.querySelector("dialog[open]") !== null;

/** A button that runs `action` once at a time; an error is shown in `place`. */
export function actionButton(label, action, { isPrimary = false, place }) {
  const button = element("button", { type: "button", class: isPrimary ? "primary" : "" }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await action();
    } catch (error) {
      place.querySelector(".error")?.remove();
      place.append(element("p", { class: "error", role: "alert" }, error.message));
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** Fill a dialog with what a request brings; a sentence where it fails. */
export async function fill(body, request, show) {
  body.replaceChildren(element("p", { class: "soft" }, text("loading")));
  try {
    const answer = await request();
    if (!body.closest("dialog[open]")) return; // closed meanwhile
    body.replaceChildren();
    show(answer);
  } catch (error) {
    body.replaceChildren(element("p", { class: "error", role: "alert" }, error.message));
  }
}
