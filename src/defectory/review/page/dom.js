/** Elements made in code: the page's policy allows no inline script and no inline style. */

/**
 * An element with its attributes and children.
 * Attributes that begin with `on` are listeners; false, null and undefined ones are left out.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** The element with this id; a page without it is broken, so say which. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Whether what a person does now belongs to a field they type in. */
export function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !["range", "checkbox", "radio", "button"].includes(target.type);
}

/** The last part of a path. */
export const fileName = (path) => path.split(/[\\/]/).at(-1);

/** What comes before it, with its slash; empty where there is no folder. */
export const folderName = (path) => path.slice(0, path.length - fileName(path).length);
