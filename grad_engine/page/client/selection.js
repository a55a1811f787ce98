/**
 * The thing that is chosen: what the details are about, and what the keyboard is at.
 */

import { centre, fit, pan, showsAll } from "./camera.js";
import { data, items } from "./data.js";
import { byId, mark } from "./dom.js";
import { send } from "./events.js";
import { groups, keyOf, openAround, setOpen } from "./groups.js";
import { bounds, draw, drawn } from "./picture.js";
import { hiding, isHidden } from "./visible.js";

/** What is chosen: an item, a group, a link, or null. */
export const chosen = { thing: null };

/** Chooses an item, group or link; `reveal` opens what hides an item and brings it into the middle. */
export function choose(thing, { reveal = false } = {}) {
  if (reveal && thing.kind) {
    const wasHidden = isHidden(thing);
    if (wasHidden) hiding.on = false;
    if (openAround(thing.id) || wasHidden) draw();
    centre(keyOf(thing));
  }
  chosen.thing = thing;
  showChosen();
  send("select", thing);
}

/** Chooses the item with this id and shows where it is. */
export const goTo = (id) => items.has(id) && choose(items.get(id), { reveal: true });

/** Marks the chosen thing in the picture, and makes it the one that the Tab key reaches. */
export function showChosen() {
  for (const element of byId("view").querySelectorAll(".chosen")) element.classList.remove("chosen");
  const { thing } = chosen;
  const element = thing && (thing.kind || thing.isGroup) ? drawn.get(keyOf(thing)) : null;
  if (!element) return;
  for (const other of byId("view").querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  element.setAttribute("tabindex", "0");
  mark(element, "chosen", true);
}

/** What Enter or a click does: an item is chosen, a group opens or closes. */
export function activate(element) {
  if (element.dataset.group !== undefined) toggle(groups.get(element.dataset.group));
  else choose(items.get(element.dataset.item));
}

/** Opens or closes a group, which stays where it was on screen. */
export function toggle(group) {
  const walking = Boolean(document.activeElement?.closest(".thing"));
  const before = drawn.get(keyOf(group))?.getBoundingClientRect();
  const saw = showsAll();
  setOpen(group, !group.open);
  draw();
  const width = byId("stage").getBoundingClientRect().width;
  if (saw && bounds.width < 3 * width) fit();
  const after = drawn.get(keyOf(group))?.getBoundingClientRect();
  if (before && after && !showsAll()) pan(before.left - after.left, before.top - after.top);
  if (walking) drawn.get(keyOf(group))?.focus({ preventScroll: true });
  choose(group);
}
