/** Dark or light: as the system has it until a person chooses. */

import { byId } from "./dom.js";
import { recall, remember } from "./settings.js";

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export const currentTheme = () => recall("theme") ?? (systemIsDark.matches ? "dark" : "light");

function showTheme() {
  document.documentElement.dataset.theme = currentTheme();
  byId("theme").setAttribute("aria-pressed", String(currentTheme() === "dark"));
}

export function switchTheme() {
  remember("theme", currentTheme() === "dark" ? "light" : "dark");
  showTheme();
}

export function startThemes() {
  systemIsDark.addEventListener("change", showTheme);
  byId("theme").addEventListener("click", switchTheme);
  showTheme();
}
