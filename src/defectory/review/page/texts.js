/** All visible words, from one file a language; German or English. */

import { tell } from "./events.js";
import { recall, remember } from "./settings.js";

export const LANGUAGES = ["en", "de"];

const texts = {};
let language = "en";
let plurals = new Intl.PluralRules("en");

/** The language that a person chose here, else the browser's, else English. */
function preferredLanguage() {
  const wanted = [recall("language"), ...(navigator.languages ?? [navigator.language])];
  const codes = wanted.filter(Boolean).map((code) => code.slice(0, 2).toLowerCase());
  return codes.find((code) => LANGUAGES.includes(code)) ?? "en";
}

async function loadLanguage(code) {
  if (!texts[code]) texts[code] = await (await fetch(`texts/${code}.json`)).json();
}

export async function startTexts() {
  await Promise.all([loadLanguage("en"), useLanguage(preferredLanguage())]);
}

export async function useLanguage(code) {
  await loadLanguage(code);
  language = code;
  plurals = new Intl.PluralRules(code);
  document.documentElement.lang = code;
  fillStaticTexts();
  tell("language", code);
}

export async function switchLanguage() {
  const next = LANGUAGES[(LANGUAGES.indexOf(language) + 1) % LANGUAGES.length];
  remember("language", next);
  await useLanguage(next);
}

export const currentLanguage = () => language;

/**
 * The text of a key such as "top.teach", with `{name}` replaced by `values.name`.
 * A text with the forms "one" and "other" is chosen by `values.n`. A key without a text gives itself.
 */
export function text(key, values = {}) {
  let found = lookUp(texts[language], key) ?? lookUp(texts.en, key) ?? key;
  if (typeof found === "object") found = found[plurals.select(Number(values.n ?? 0))] ?? found.other ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

function lookUp(tree, key) {
  return key.split(".").reduce((branch, part) => branch?.[part], tree);
}

/** Fill what `data-text`, `data-label` and `data-title` of the HTML ask for. */
function fillStaticTexts() {
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", text(node.dataset.label));
  for (const node of document.querySelectorAll("[data-title]")) {
    const keys = node.getAttribute("aria-keyshortcuts");
    node.title = text(node.dataset.title) + (keys ? ` (${keys.replace("Control", text("keys.control"))})` : "");
  }
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = text(node.dataset.placeholder);
}
