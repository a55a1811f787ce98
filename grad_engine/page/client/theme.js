/**
 * Dark or light: as the system has it, until the button is pressed.
 */

import { byId } from "./dom.js";
import { send } from "./events.js";

/** Changes dark to light, or light to dark. */
export function toggleTheme() {
  const { colorScheme } = getComputedStyle(document.documentElement);
  document.documentElement.dataset.theme = colorScheme === "light" ? "dark" : "light";
  send("theme");
}

byId("theme").addEventListener("click", toggleTheme);
