/** What happened, told from one part of the page to the others. */

const bus = new EventTarget();

/** Call `listener(detail)` whenever `name` is told; returns what stops that. */
export function listen(name, listener) {
  const heard = (event) => listener(event.detail);
  bus.addEventListener(name, heard);
  return () => bus.removeEventListener(name, heard);
}

export function tell(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}
