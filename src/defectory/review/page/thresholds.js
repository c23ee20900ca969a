/** How strict to be: what each rate of wrongly rejected good parts would find, in parts a day if told. */

import { getThresholds, putThreshold } from "./api.js";
import { announce } from "./announce.js";
import { actionButton, fill, openDialog } from "./dialogs.js";
import { element } from "./dom.js";
import { tell } from "./events.js";
import { fixed, interval, percent, plain } from "./numbers.js";
import { recall, remember } from "./settings.js";
import { state } from "./state.js";
import { text } from "./texts.js";

export function openThresholds() {
  const dialog = openDialog("thresholds", text("threshold.title"), { isWide: true });
  return fill(dialog.body, getThresholds, ({ options, defects, n_defects }) => {
    let chosen = options.find((option) => option.is_current) ?? null;
    const table = element("div", { class: "scrolls" });
    const choose = (option) => { chosen = option; };
    const field = element("input", { type: "number", min: 0, step: 100, id: "parts", inputmode: "numeric", value: recall("parts") ?? "" });
    field.addEventListener("input", () => { remember("parts", field.value); table.replaceChildren(tableOf(options, Number(field.value), chosen, choose)); });
    table.append(tableOf(options, Number(field.value), chosen, choose));
    dialog.body.append(...[
      element("p", {}, text("threshold.lead")),
      element("p", { class: "field" }, element("label", { for: "parts" }, text("threshold.parts")), field),
      table, !options.every((option) => option.is_promised) && element("p", { class: "soft" }, text("threshold.why_not_promised")),
      element("p", { class: "soft" }, text(`threshold.counted_on.${defects}`, { n: n_defects })),
    ].filter(Boolean));
    dialog.foot.append(actionButton(text("threshold.use"), async () => {
      await putThreshold(chosen);
      dialog.close();
      announce(text(chosen.is_promised ? "threshold.used" : "threshold.used_unpromised", { rate: percent(chosen.false_reject_rate) }));
      tell("bundle-changed");
    }, { isPrimary: true, place: dialog.body }));
  });
}

function tableOf(options, parts, chosen, choose) {
  const heads = ["rejects", "finds", "threshold", "n_rejected"].map((name) => element("th", { scope: "col" }, text(`threshold.${name}`)));
  if (parts > 0) heads.push(element("th", { scope: "col" }, text("threshold.false_a_day")), element("th", { scope: "col" }, text("threshold.missed_a_day")));
  return element("table", { class: "figures options" }, element("thead", {}, element("tr", {}, heads)),
    element("tbody", {}, options.map((option) => rowOf(option, parts, chosen, choose))));
}

function rowOf(option, parts, chosen, choose) {
  const rate = option.false_reject_rate;
  const radio = element("input", { type: "radio", name: "rate", value: rate, checked: option === chosen, onchange: () => choose(option) });
  const notes = [option.is_current && text("threshold.current"), !option.is_promised && text("threshold.not_promised")].filter(Boolean);
  const cells = [
    element("th", { scope: "row" }, element("label", {}, radio, element("span", {}, text("threshold.of_good", { rate: percent(rate) }),
      notes.map((note) => element("small", { class: "chip" }, note))))),
    element("td", {}, option.recall ? share(option.recall) : "–"),
    element("td", {}, fixed(option.threshold)),
    element("td", {}, plain(option.n_rejected, 0)),
  ];
  if (parts > 0) cells.push(element("td", {}, aDay(goodOf(parts) * rate)), element("td", {}, missedADay(option, parts)));
  return element("tr", {}, cells);
}

const share = (found) => (found.lower === null ? percent(found.value) : interval(found));

const defectRatio = () => state.project?.running?.defect_ratio;

/** Good parts a day; all parts where nobody knows how many are defective. */
const goodOf = (parts) => parts * (1 - (defectRatio()?.value ?? 0));

const aDay = (n) => plain(n, n < 10 ? 1 : 0);

/** Defects that would pass a day, with the interval of what is found: needs an estimate of how many there are. */
function missedADay({ recall: found }, parts) {
  const ratio = defectRatio();
  if (!found || !ratio) return "–";
  const missed = (isFound) => aDay(parts * ratio.value * (1 - isFound));
  if (found.lower === null) return missed(found.value);
  return text("number.interval", { value: missed(found.value), lower: missed(found.upper), upper: missed(found.lower) });
}
