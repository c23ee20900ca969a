/** The name that this browser's labels carry, where a person gave one; else the server's own. */

import { tell } from "./events.js";
import { recall, remember } from "./settings.js";

export const ownName = () => recall("who") ?? "";

export function useName(name) {
  remember("who", name.trim());
  tell("own-name", name.trim());
}
