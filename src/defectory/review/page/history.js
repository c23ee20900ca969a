/** Every bundle there was, each one click away; and the labels, to take along. */

import { getHistory, getProposal, restoreVersion } from "./api.js";
import { announce } from "./announce.js";
import { actionButton, fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { tell } from "./events.js";
import { fixed, moment, percent } from "./numbers.js";
import { state } from "./state.js";
import { text } from "./texts.js";

export function openHistory() {
  const dialog = openDialog("history", text("history.title"));
  return fill(dialog.body, readHistory, ({ versions, proposed }) => {
    const newest = [...versions].sort((a, b) => b.version - a.version);
    dialog.body.append(element("p", {}, text("history.lead")), element("ol", { class: "versions" }, newest.map((version) => rowOf(version, version.version === proposed, dialog))));
    dialog.foot.append(element("a", { class: "button", href: "api/labels.csv", download: "labels.csv" }, text("history.labels")));
  });
}

/** The versions, and which of them waits for an answer: it is taken by accepting it, not from here. */
async function readHistory() {
  const { versions } = await getHistory();
  const proposal = state.project?.proposal ? await getProposal().catch(() => null) : null;
  return { versions, proposed: proposal?.version };
}

/** How a version came to be, and what became of it. */
function storyOf({ origin, n_taught, false_reject_rate, basis, state, why }) {
  const rate = percent(false_reject_rate);
  const begun = origin === "rate" ? text(`history.rate.${basis || "none"}`, { rate }) : text(`history.${origin}`, { n: n_taught });
  if (state !== "rejected") return begun;
  return `${begun}; ${text(why ? `history.why.${why}` : "history.not_accepted")}`;
}

function rowOf(shown, isProposed, dialog) {
  const { version, date, n_labels, threshold } = shown;
  const isCurrent = shown.state === "current";
  const back = actionButton(text("history.restore"), async () => {
    await restoreVersion(version);
    dialog.close();
    announce(text("history.restored", { version }));
    tell("bundle-changed");
  }, { place: dialog.body });
  back.setAttribute("aria-label", text("history.restore_version", { version }));
  return element("li", { "aria-current": isCurrent ? "true" : null },
    element("div", {}, element("strong", {}, text("history.version", { version })), element("span", { class: "soft" }, ` ${moment(date)}`),
      element("p", {}, text("history.facts", { n: n_labels, threshold: fixed(threshold) })),
      element("p", { class: "soft" }, storyOf(shown))),
    isCurrent || isProposed ? element("span", { class: "chip" }, text(isCurrent ? "history.current" : "history.waits")) : back);
}
