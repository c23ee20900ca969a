/** What a person chose on this machine: language, theme, brush. A browser without storage forgets it. */

const prefix = "defectory.";

export function recall(name) {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // storage is switched off: the choice holds until the page is closed
  }
}
