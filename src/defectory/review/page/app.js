/** The page, put together: what starts, and which action has which name. */

import { getProject } from "./api.js";
import { announce, notify } from "./announce.js";
import { startConflicts } from "./conflicts.js";
import { byId } from "./dom.js";
import { listen } from "./events.js";
import { defectTypes, startFactsPane } from "./facts_pane.js";
import { decideSelected, startGrid } from "./grid.js";
import { openHelp } from "./help.js";
import { startKeys } from "./keys.js";
import { openKept } from "./kept.js";
import { decideCurrent, redoDecision, startLabeling, undoDecision } from "./labeling.js";
import { startOutbox } from "./outbox.js";
import { isShown, photoActions, redoStroke, startPhotoPane, undoStroke } from "./photo_pane.js";
import { reload, startQueuePane, useSource } from "./queue_pane.js";
import { currentImage, goTo, setProject, setView, state } from "./state.js";
import { refreshProject, startTeaching, teachOrShow } from "./teaching.js";
import { startTexts, text } from "./texts.js";
import { startThemes } from "./themes.js";
import { startToolBar } from "./tool_bar.js";
import { startTopBar } from "./top_bar.js";

const LOOK_MS = 20_000; // how often the page asks what other people did

const decide = (value, defectType = "") => {
  if (state.view === "grid") return decideSelected(value, defectType);
  if (isShown()) decideCurrent(value, defectType);
  else announce(text("photo.not_there"));
};

const actions = {
  ...photoActions,
  good: () => decide("good"),
  defective: () => decide("defective"),
  unsure: () => decide("unsure"),
  skip: () => decide("skipped"),
  type: (digit) => { const type = defectTypes()[digit - 1]; if (type) decide("defective", type); },
  next: () => { if (!goTo(state.index + 1)) announce(text("queue.end")); },
  back: () => goTo(state.index - 1),
  undo: () => { if (!undoStroke()) undoDecision(); },
  redo: () => { if (!redoStroke()) redoDecision(); },
  grid: () => setView(state.view === "grid" ? "photo" : "grid"),
  search: () => { setView("photo"); byId("search").focus(); byId("search").select(); },
  teach: teachOrShow,
  title: openHelp,
};

async function start() {
  startThemes();
  await startTexts();
  startTopBar();
  startTeaching();
  startToolBar(actions);
  startPhotoPane();
  startFactsPane();
  startLabeling();
  startConflicts();
  startGrid();
  startQueuePane();
  startKeys(actions);
  listen("view", (view) => { byId("main").dataset.view = view; byId("stage").focus(); });
  listen("use-source", (source) => { setView("photo"); useSource(source); });
  listen("bundle-changed", async () => { await refreshProject(); await reload(); });
  await open();
  setInterval(() => { if (!document.hidden && state.isConnected) refreshProject(); }, LOOK_MS);
}

async function open() {
  try {
    setProject(await getProject());
  } catch (error) {
    return notify(text("no_project", { message: error.message }), { isAlert: true, action: { label: text("again"), run: open } });
  }
  if (!(await openKept(state.project.id))) addEventListener("beforeunload", (event) => { if (state.nWaiting) event.preventDefault(); });
  await startOutbox();
  await reload();
  if (currentImage()) byId("stage").focus();
}

start();
