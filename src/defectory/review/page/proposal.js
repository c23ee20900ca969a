/** What teaching would change: before and after, and every decision on a labeled image that flips. */

import { acceptProposal, getProposal, previewUrl, rejectProposal } from "./api.js";
import { announce } from "./announce.js";
import { listen, tell } from "./events.js";
import { state } from "./state.js";
import { actionButton, fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { fixed } from "./numbers.js";
import { promiseInWords } from "./promise.js";
import { text } from "./texts.js";

export function openProposal() {
  let stop = () => {};
  const dialog = openDialog("proposal", text("proposal.title"), { isWide: true, onclose: () => stop() });
  return fill(dialog.body, getProposal, (proposal) => {
    show(dialog.body, proposal);
    const end = (action, said) => async () => {
      await action(proposal.version);
      dialog.close();
      announce(text(said));
      tell("bundle-changed");
    };
    const answers = [actionButton(text("proposal.reject"), end(rejectProposal, "proposal.rejected"), { place: dialog.body, isPrimary: Boolean(proposal.worse) })];
    if (!proposal.worse) answers.push(actionButton(text("proposal.accept"), end(acceptProposal, "proposal.accepted"), { place: dialog.body, isPrimary: true }));
    dialog.foot.append(...answers);
    stop = watchJob(dialog, answers, proposal);
  });
}

/**
 * It can be read while its detector scores the other images, and answered once that is done. Where it was ready and
 * another one was taught meanwhile, that one is shown.
 */
function watchJob(dialog, answers, { is_ready: wasReady }) {
  const said = element("p", { class: "soft scoring", role: "status" });
  dialog.foot.prepend(said);
  let wasAtWork = false;
  const show = () => {
    const { job, proposal } = state.project ?? {};
    const isAtWork = Boolean(job) && !job.error;
    said.textContent = isAtWork ? text("proposal.scoring", { done: job.done, total: job.total }) : "";
    for (const button of answers) button.disabled = isAtWork;
    if (isAtWork) wasAtWork = true;
    else if (!proposal) dialog.close(); // scoring failed, and why is told; or it was answered at another window
    else if (wasAtWork && wasReady) openProposal();
    else wasReady = true;
  };
  const stop = listen("project", show);
  show();
  return stop;
}

function show(body, proposal) {
  const { flips } = proposal;
  if (proposal.worse) body.append(element("p", { class: "warning", role: "alert" },
    element("strong", {}, text("proposal.refused")), " ", whyWorse(proposal)));
  body.append(
    element("p", {}, text("proposal.lead", { n: proposal.n_labels })),
    comparison(proposal),
    element("p", { class: "soft" }, text("proposal.left_out")),
    element("h3", {}, flips.length ? text("proposal.flips", { n: flips.length }) : text("proposal.no_flips")),
  );
  if (flips.length) body.append(element("ul", { class: "flips" }, [...flips].sort((a, b) => a.is_right - b.is_right).map(flip)));
  if (proposal.promised) body.append(element("p", { class: "soft" }, promiseInWords(proposal.promised)));
  if (proposal.account?.length) body.append(element("details", {}, element("summary", {}, text("proposal.account")),
    element("ul", { lang: "en" }, proposal.account.map((line) => element("li", {}, line)))));
}

/** What the server's sentence `worse` says, in the language of the page. */
function whyWorse({ n_defects, found_before, found_after, n_good, false_before, false_after }) {
  return found_after < found_before
    ? text("proposal.fewer_found", { n: n_defects, before: found_before, after: found_after })
    : text("proposal.more_rejected", { n: n_good, before: false_before, after: false_after });
}

function comparison(proposal) {
  const row = (name, before, after, isBetter) => element("tr", {},
    element("th", { scope: "row" }, name), element("td", {}, before),
    element("td", { "data-better": isBetter === null ? null : String(isBetter) }, after));
  const of = (value, n) => text("proposal.of", { value: value ?? "–", n });
  const better = (difference) => (difference === 0 || Number.isNaN(difference) ? null : difference > 0);
  return element("table", { class: "figures" },
    element("thead", {}, element("tr", {}, element("td", {}), element("th", { scope: "col" }, text("proposal.before")),
      element("th", { scope: "col" }, text("proposal.after")))),
    element("tbody", {},
      row(text("proposal.found"), of(proposal.found_before, proposal.n_defects), of(proposal.found_after, proposal.n_defects),
        better(proposal.found_after - proposal.found_before)),
      row(text("proposal.false"), of(proposal.false_before, proposal.n_good), of(proposal.false_after, proposal.n_good),
        better(proposal.false_before - proposal.false_after)),
      row(text("proposal.threshold"), fixed(proposal.threshold_before), fixed(proposal.threshold), null)));
}

function flip({ id, name, label, before, after, is_rejected, is_right }) {
  const change = text(is_rejected ? "proposal.now_rejected" : "proposal.now_accepted");
  const known = typeof label === "number" ? ["good", "defective"][label] : label;
  return element("li", { "data-right": String(is_right), class: id === null ? "unseen" : null },
    id !== null && element("img", { src: previewUrl(id, 256), alt: "", loading: "lazy" }),
    element("div", {},
      element("p", { class: "change" }, element("strong", {}, change), element("span", { class: "chip" }, text(is_right ? "proposal.right" : "proposal.wrong"))),
      element("p", {}, text("proposal.labeled", { label: text(`label.${known}`) })),
      element("p", { class: "soft" }, text("proposal.scores", { before: fixed(before), after: fixed(after) })),
      element("p", { class: "soft name" }, name)));
}
