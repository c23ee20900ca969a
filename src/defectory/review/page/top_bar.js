/** The bar on top: which project, how far, what is known, and the ways into dialogs. */

import { byId } from "./dom.js";
import { listen } from "./events.js";
import { openCheck } from "./check.js";
import { openHelp } from "./help.js";
import { openHistory } from "./history.js";
import { shortInterval } from "./numbers.js";
import { ownName } from "./own_name.js";
import { openPeople } from "./people.js";
import { setView, state } from "./state.js";
import { switchLanguage, text } from "./texts.js";
import { openThresholds } from "./thresholds.js";

export function startTopBar() {
  byId("open-threshold").addEventListener("click", openThresholds);
  byId("open-check").addEventListener("click", openCheck);
  byId("open-history").addEventListener("click", openHistory);
  byId("open-people").addEventListener("click", openPeople);
  byId("open-help").addEventListener("click", openHelp);
  byId("language").addEventListener("click", switchLanguage);
  byId("view-grid").addEventListener("click", () => setView(state.view === "grid" ? "photo" : "grid"));
  listen("project", show);
  listen("language", show);
  listen("own-name", show);
  listen("view", (view) => byId("view-grid").setAttribute("aria-pressed", String(view === "grid")));
  listen("connection", showConnection);
  listen("language", showConnection);
}

const WIDEST = 0.5; // an interval beyond it, of one or two images, would be read as a figure all the same

function show() {
  const { project } = state;
  if (!project) return;
  byId("project-name").textContent = project.name;
  document.title = text("top.page_title", { name: project.name });
  byId("progress-text").textContent = text("top.labeled", { n: project.n_labeled, total: project.n_images });
  Object.assign(byId("progress-bar"), { max: Math.max(1, project.n_images), value: project.n_labeled });
  byId("estimate").textContent = byId("estimate").title = estimate(project.running);
  byId("teach").textContent = project.proposal ? text("top.see_proposal") : text("top.teach", { n: project.n_new_labels });
  if (!project.job) byId("teach").disabled = !project.proposal && !project.n_new_labels;
  const who = ownName() || project.who;
  byId("open-people").textContent = who || text("people.title");
  byId("open-people").setAttribute("aria-label", text("people.open", { who }));
}

/** "Defective 8 % (3–16 %) · Finds 83 % (61–95 %)"; what cannot be said yet, or only roughly, is left out. */
function estimate(running) {
  const isTold = (share) => share && share.upper - share.lower <= WIDEST;
  const names = ["defect_ratio", "recall", "precision"].filter((name) => isTold(running?.[name]));
  if (!names.length) return text("top.no_estimate");
  return names.map((name) => text(`top.${name}`, { interval: shortInterval(running[name]) })).join("  ·  ");
}

function showConnection() {
  const banner = byId("connection");
  banner.hidden = state.isConnected;
  banner.textContent = state.isConnected ? "" : text(state.isSignedOut ? "connection.signed_out" : "connection.lost", { n: state.nWaiting });
}
