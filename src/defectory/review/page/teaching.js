/** Teaching in the background: started here, watched until it is done, then put to a person. */

import { getProject, teach } from "./api.js";
import { notify, withdraw } from "./announce.js";
import { byId } from "./dom.js";
import { listen } from "./events.js";
import { openProposal } from "./proposal.js";
import { setProject, state } from "./state.js";
import { text } from "./texts.js";

const WATCH_MS = 700;
const REFRESH_REST_MS = 400;
/** Labels after which it learns in the background; what comes of it waits to be looked at. */
const LESSON = 20;
/** The notice that a proposal waits. */
const LEARNED = "learned";

let watching = 0;
let refreshing = 0;
let wasAtWork = false;
let isAsked = false; // by a person at this window, who is shown the proposal as soon as there is one
let nextLesson = LESSON;

export function startTeaching() {
  byId("teach").addEventListener("click", teachOrShow);
  listen("project", showJob);
  listen("language", showJob);
  listen("saved", () => {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => refreshProject().then(teachUnasked), REFRESH_REST_MS);
  });
}

/** Ask the server how the project stands; without a connection the page keeps what it knew. */
export async function refreshProject() {
  try {
    setProject(await getProject());
  } catch {
    // the outbox notices a lost connection, and says so
    if (wasAtWork) watch();
  }
}

/** Teach; where a proposal waits for an answer, show that instead; where it is being made, as soon as it is there. */
export async function teachOrShow() {
  const { proposal, job } = state.project ?? {};
  if (proposal) return show();
  isAsked = true;
  if (job && !job.error) return;
  try {
    await teach();
    wasAtWork = true;
  } catch (error) {
    await refreshProject(); // it may have begun by itself a moment ago
    if (state.project?.job && !state.project.job.error) return;
    isAsked = false;
    notify(error.message, { isAlert: true });
  }
  watch();
}

/** Learn every few labels without being asked; nothing opens over the photo that a person looks at. */
async function teachUnasked() {
  const { n_new_labels: n = 0, job = null } = state.project ?? {};
  if (n <= nextLesson - LESSON) nextLesson = n + LESSON; // what it learned was taken
  const isBusy = (job && !job.error) || document.querySelector("dialog[open]");
  if (n < nextLesson || isBusy) return;
  nextLesson = n + LESSON;
  try {
    await teach();
    wasAtWork = true;
    watch();
  } catch {
    // another window was faster; whoever presses the button is told why it cannot learn
  }
}

function watch() {
  clearTimeout(watching);
  watching = setTimeout(refreshProject, WATCH_MS);
}

function showJob() {
  const { job, proposal } = state.project ?? {};
  const banner = byId("job");
  if (!proposal) withdraw(LEARNED);
  const isAtWork = Boolean(job) && !job.error;
  banner.hidden = !isAtWork;
  if (isAtWork) {
    showProgress(job);
    byId("teach").disabled = !proposal;
    wasAtWork = true;
    watch();
    if (proposal && isAsked) show();
  } else if (wasAtWork) {
    wasAtWork = false;
    if (job?.error) notify(text("job.failed", { message: job.error }), { isAlert: isAsked });
    else if (proposal && isAsked) show();
    else if (proposal && !document.getElementById("dialog-proposal")) notify(text("job.learned"), { kind: LEARNED, action: { label: text("top.see_proposal"), run: show } });
  }
}

function show() {
  isAsked = false;
  withdraw(LEARNED);
  openProposal();
}

function showProgress({ kind, stage, done, total }) {
  byId("job-text").textContent = text("job.running", { kind: text(`job.${kind}`), stage: stage ?? "" });
  const bar = byId("job-bar");
  if (total) Object.assign(bar, { max: total, value: done });
  else bar.removeAttribute("value");
}
