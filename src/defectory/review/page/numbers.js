/** Numbers and times as a person of this language reads them. */

import { currentLanguage, text } from "./texts.js";

export const plain = (value, digits = 2) =>
  Number(value).toLocaleString(currentLanguage(), { maximumFractionDigits: digits });

/** A dash where there is none: a threshold that nothing exceeds comes as null. */
export const fixed = (value, digits = 2) =>
  value?.toLocaleString(currentLanguage(), { minimumFractionDigits: digits, maximumFractionDigits: digits }) ?? "–";

/** A ratio as percent: two significant digits below 10 %. */
export function percent(ratio) {
  const digits = Math.abs(ratio) < 0.0995 && ratio !== 0 ? 1 : 0;
  return text("number.percent", { value: plain(ratio * 100, digits) });
}

/** An estimate with its interval: "83 % (61 to 95 %)". */
export const interval = (estimate) =>
  text("number.interval", {
    value: percent(estimate.value),
    lower: plain(estimate.lower * 100, 0),
    upper: percent(estimate.upper),
  });

/** The same where room is short: "83 % (61–95 %)". */
export const shortInterval = (estimate) =>
  text("number.short_interval", {
    value: percent(estimate.value),
    lower: plain(estimate.lower * 100, 0),
    upper: percent(estimate.upper),
  });

/** A time of the server (ISO 8601) as date and time. */
export function moment(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return time.toLocaleString(currentLanguage(), { dateStyle: "medium", timeStyle: "short" });
}
