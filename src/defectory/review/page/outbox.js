/**
 * Labels and masks on their way to the server.
 *
 * Each is kept on this machine first and forgotten when the server has answered. Of one image only
 * one is on its way at a time, so that each names the state that the one before it left behind.
 */

import { Refused, Unreachable, deleteMask, getProject, postLabels, putLabel, putMask } from "./api.js";
import { tell } from "./events.js";
import { forget, keep, readKept } from "./kept.js";
import { etagOf, imageWith, rememberEtag, setConnection, setProject, state, takeUp } from "./state.js";

const RETRY_MS = 3000;
const BATCH = 50;

let waiting = [];
const onTheWay = new Set(); // ids of images
let retry = null;

/** A name that no other label has; `randomUUID` exists on secure origins only. */
export function newClientId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Take up what an earlier page could not send. */
export async function startOutbox() {
  waiting = await readKept();
  waiting.forEach(takeUp);
  addEventListener("online", () => reconnect());
  addEventListener("offline", () => lose());
  tellConnection();
  pump();
}

/** Send labels or masks: {kind, id, client_id, etag, ...}. What is sent is kept until it is there. */
export async function post(items) {
  const given = items.map((item, i) => ({
    ...item, client_id: item.client_id ?? newClientId(), etag: item.etag ?? etagOf(item.id), order: Date.now() + i / 1000,
  }));
  waiting.push(...given);
  given.forEach((item) => mark(item.id, state.isConnected ? "saving" : "waiting"));
  try {
    await keep(given);
  } catch {
    // the disk of this machine is full: the server is still asked at once
  }
  if (state.isConnected) pump();
  tellConnection();
}

/** The mask of an image that the server does not have yet: a PNG, null where it was removed, undefined where none waits. */
export const waitingMask = (id) => waiting.findLast((item) => item.id === id && item.kind === "mask")?.png;

export const waitsFor = (id) => waiting.some((item) => item.id === id);

function pump() {
  const first = new Map();
  for (const item of waiting) if (!first.has(item.id)) first.set(item.id, item);
  const ready = [...first.values()].filter((item) => !onTheWay.has(item.id));
  const labels = ready.filter((item) => item.kind === "label").slice(0, BATCH);
  ready.filter((item) => item.kind === "mask").forEach((item) => deliver([item], sendMask));
  if (labels.length === 1) deliver(labels, sendLabel);
  else if (labels.length > 1) deliver(labels, sendLabels);
}

async function deliver(items, sender) {
  items.forEach((item) => onTheWay.add(item.id));
  try {
    for (const result of await sender(items)) await settle(result);
    setConnected();
  } catch (error) {
    if (isTemporary(error)) lose(error);
    else for (const item of items) await refuse(item, error);
  } finally {
    items.forEach((item) => onTheWay.delete(item.id));
  }
  if (state.isConnected && waiting.length) pump();
  tellConnection();
}

const isTemporary = (error) => error instanceof Unreachable || error.status >= 500 || [401, 403, 429].includes(error.status);

async function sendLabel([item]) {
  return [await answerOf(item, () => putLabel(item.id, labelOf(item), etagFor(item)))];
}

async function sendMask([item]) {
  const { id, png, client_id } = item;
  const sent = () => (png ? putMask(id, png, etagFor(item), client_id) : deleteMask(id, etagFor(item), client_id));
  return [await answerOf(item, sent)];
}

async function sendLabels(items) {
  const entries = items.map((item) => ({ id: item.id, ...labelOf(item), etag: etagFor(item) }));
  const { results } = await postLabels(entries);
  const byImage = new Map(results.map((result) => [result.id, result]));
  return items.map((item) => {
    const result = byImage.get(item.id);
    if (![200, 412].includes(result?.status)) return { item, refusal: result?.error ?? "" };
    return { item, isConflict: result.status === 412, label: result.label, etag: result.etag };
  });
}

const labelOf = ({ value, defect_type, seconds, strategy, client_id }) => ({ value, defect_type, seconds, strategy, client_id });

const etagFor = (item) => etagOf(item.id) ?? item.etag;

async function answerOf(item, sent) {
  try {
    const answer = await sent();
    return { item, isConflict: false, label: answer?.label ?? null, etag: answer?.etag, has_mask: answer?.has_mask };
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 412) throw error;
    const { label, etag } = error.answer?.current ?? {};
    return { item, isConflict: true, label: label ?? null, etag };
  }
}

async function settle({ item, refusal, isConflict, label, etag, has_mask }) {
  if (refusal !== undefined) return refuse(item, new Error(refusal));
  await drop(item);
  if (isConflict) {
    // what was waiting behind it was decided in ignorance of the other's label, too
    const behind = waiting.filter((other) => other.id === item.id && other.kind === item.kind);
    for (const other of behind) await drop(other);
    mark(item.id, "conflict");
    tell("conflict", { item: behind.at(-1) ?? item, current: { label, etag } });
    return;
  }
  rememberEtag(item.id, etag);
  if (!waitsFor(item.id)) mark(item.id, "saved");
  tell("saved", { item, label, has_mask });
}

async function refuse(item, error) {
  await drop(item);
  mark(item.id, "saved");
  tell("refused", { item, message: error.message });
}

async function drop(item) {
  waiting = waiting.filter((other) => other.client_id !== item.client_id);
  try {
    await forget([item.client_id]);
  } catch {
    // sent again by the next page; the server knows its client_id and changes nothing
  }
}

function mark(id, saving) {
  const image = imageWith(id);
  if (image) image.saving = saving;
  tell("marked", id);
}

function lose(error) {
  state.isSignedOut = [401, 403].includes(error?.status);
  waiting.forEach((item) => mark(item.id, "waiting"));
  setConnection(false, waiting.length);
  clearTimeout(retry);
  retry = setTimeout(reconnect, RETRY_MS);
}

async function reconnect() {
  clearTimeout(retry);
  try {
    setProject(await getProject());
  } catch (error) {
    return lose(error);
  }
  setConnected();
  pump();
}

function setConnected() {
  if (!state.isConnected) setConnection(true, waiting.length);
}

function tellConnection() {
  setConnection(state.isConnected, waiting.length);
}
