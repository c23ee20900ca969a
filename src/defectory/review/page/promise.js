/** What a threshold is worth, in words. */

import { fixed, percent } from "./numbers.js";
import { text } from "./texts.js";

/** A sentence or two from what the server knows: `PromiseFacts`. */
export function promiseInWords({ basis, false_reject_rate, confidence, n_images, n_groups, n_confirmed, n_missing, bound, expected_rate, interval, is_of_few }) {
  const hasGroups = n_groups < n_images;
  const values = {
    rate: percent(false_reject_rate), confidence: percent(confidence), confirmed: n_confirmed,
    images: text(hasGroups ? "promise.groups" : "promise.images", { n: n_images, groups: n_groups }),
    missing: text(hasGroups ? "promise.more_groups" : "promise.more_images", { n: n_missing }),
    bound: percent(bound), expected: percent(expected_rate),
  };
  if (basis !== "estimated") return text(`promise.${basis}`, values);
  const [low, high] = interval.map((limit) => fixed(limit));
  return [
    text(is_of_few ? "promise.of_few" : "promise.estimated", { ...values, low, high }),
    text(n_missing ? "promise.needs" : "promise.to_be_had", values),
  ].join(" ");
}
