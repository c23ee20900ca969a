/** Labels and masks kept in IndexedDB until the server has them; in memory where there is none. */

const STORE = "waiting";

let database = null;
const inMemory = new Map();

/** Open what is kept of a review; returns whether it outlives the page. */
export async function openKept(reviewId) {
  try {
    database = await opened(indexedDB.open(`defectory-review:${reviewId}`, 1));
  } catch {
    database = null; // a private window: labels are kept until the page is closed
  }
  return database !== null;
}

function opened(request) {
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "client_id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

export async function keep(items) {
  if (!database) return void items.forEach((item) => inMemory.set(item.client_id, item));
  const transaction = database.transaction(STORE, "readwrite", { durability: "strict" });
  items.forEach((item) => transaction.objectStore(STORE).put(item));
  await done(transaction);
}

export async function forget(clientIds) {
  if (!database) return void clientIds.forEach((id) => inMemory.delete(id));
  const transaction = database.transaction(STORE, "readwrite");
  clientIds.forEach((id) => transaction.objectStore(STORE).delete(id));
  await done(transaction);
}

/** All that waits, oldest first. */
export async function readKept() {
  if (!database) return [...inMemory.values()];
  const request = database.transaction(STORE).objectStore(STORE).getAll();
  const items = await new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return items.sort((a, b) => a.order - b.order);
}
