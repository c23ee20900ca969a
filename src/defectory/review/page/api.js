/** The server's answers, and the two ways of not getting one: refused, or no connection. */

import { ownName } from "./own_name.js";

/** The server said no: `status`, its sentence as message, and its whole answer. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer?.error ?? `HTTP ${status}`);
    this.status = status;
    this.answer = answer;
  }
}

/** Nothing came back: the connection is lost or the server has stopped. */
export class Unreachable extends Error {}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable(String(error));
  }
  if (answer.status === 204 || answer.status === 202) return null;
  if (answer.ok) return answer;
  throw new Refused(answer.status, await answer.json().catch(() => null));
}

const getJson = async (path) => (await ask(path)).json();

async function send(method, path, { json, body, etag, clientId } = {}) {
  const headers = { "X-Defectory": "1" };
  if (ownName()) headers["X-Defectory-Who"] = encodeURIComponent(ownName());
  if (etag) headers["If-Match"] = quoted(etag);
  if (clientId) headers["X-Defectory-Client-Id"] = clientId;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (body) headers["Content-Type"] = "image/png";
  const answer = await ask(path, { method, headers, body: json === undefined ? body : JSON.stringify(json) });
  return answer && answer.headers.get("content-type")?.includes("json") ? answer.json() : null;
}

const quoted = (etag) => (etag.startsWith('"') || etag.startsWith("W/") ? etag : `"${etag}"`);

const query = (values) => new URLSearchParams(values).toString();

async function getBlob(path) {
  const answer = await ask(path);
  return answer ? answer.blob() : null;
}

let reviewId = "";

/** Another review may have taken this address meanwhile: nothing that the page shows or keeps is of it. */
export async function getProject() {
  const project = await getJson("api/project");
  if (reviewId && project.id !== reviewId) {
    location.reload();
    await new Promise(() => {}); // nothing is sent any more
  }
  reviewId = project.id;
  return project;
}

export const getQueue = (n, strategy) => getJson(`api/queue?${query({ n, strategy })}`);
export const getImages = (wanted) => getJson(`api/images?${query(wanted)}`);
export const getImage = (id) => getJson(`api/images/${id}`);
export const previewUrl = (id, side) => `api/images/${id}/preview?${query({ review: reviewId, side })}`;
export const getPreview = (id, side) => getBlob(previewUrl(id, side));
export const getHeatmap = (id) => getBlob(`api/images/${id}/heatmap`);
export const getOutline = (id) => getBlob(`api/images/${id}/outline`);
export const getMask = (id) => getBlob(`api/images/${id}/mask`);

export const putLabel = (id, label, etag) => send("PUT", `api/images/${id}/label`, { json: label, etag });
export const putMask = (id, png, etag, clientId) => send("PUT", `api/images/${id}/mask`, { body: png, etag, clientId });
export const deleteMask = (id, etag, clientId) => send("DELETE", `api/images/${id}/mask`, { etag, clientId });
export const postLabels = (entries) => send("POST", "api/labels", { json: { entries } });

export const getDisagreements = () => getJson("api/disagreements");
export const teach = () => send("POST", "api/teach", { json: {} });
export const getProposal = () => getJson("api/proposal");
export const acceptProposal = (version) => send("POST", "api/proposal/accept", { json: { version } });
export const rejectProposal = (version) => send("POST", "api/proposal/reject", { json: { version } });
export const getHistory = () => getJson("api/history");
export const restoreVersion = (version) => send("POST", `api/history/${version}/restore`, { json: {} });
export const getThresholds = () => getJson("api/thresholds");
export const putThreshold = ({ false_reject_rate, prefers_estimate }) => send("PUT", "api/threshold", { json: { false_reject_rate, prefers_estimate } });
