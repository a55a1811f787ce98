/**
 * The keys of the page, and the walk through the graph with the arrow keys.
 */

import { fit, follow, zoom } from "./camera.js";
import { toggleColour } from "./colour.js";
import { items, links } from "./data.js";
import { byId } from "./dom.js";
import { keyOf, standIn } from "./groups.js";
import { closePane } from "./panes.js";
import { drawn } from "./picture.js";
import { play, playing } from "./playback.js";
import { activate } from "./selection.js";
import { lastStep, move, show } from "./steps.js";
import { toggleTheme } from "./theme.js";

const ACTIONS = {
  ArrowRight: () => move(1), ArrowLeft: () => move(-1), Home: () => show(0), End: () => show(lastStep),
  " ": () => play(!playing()), "/": () => byId("find").focus(), g: toggleColour, t: toggleTheme, r: () => byId("quiet").click(),
  0: () => fit(), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), Escape: closePane,
};

/** The thing that the arrow key leads to from this one: along a line, or to the next in the order of drawing. */
function neighbour(element, key) {
  const keys = [...drawn.keys()];
  const at = keys.findIndex((each) => drawn.get(each) === element);
  if (key === "ArrowUp" || key === "ArrowDown") {
    return drawn.get(keys[(at + (key === "ArrowDown" ? 1 : -1) + keys.length) % keys.length]);
  }
  const right = key === "ArrowRight";
  for (const link of links) {
    const [from, to] = [standIn(link.from), standIn(link.to)].map((thing) => thing && keyOf(thing));
    const [here, there] = right ? [from, to] : [to, from];
    if (here === keys[at] && there !== here && drawn.has(there)) return drawn.get(there);
  }
  return null;
}

function walk(element, key) {
  const next = neighbour(element, key);
  if (!next) return;
  next.focus({ preventScroll: true });
  follow(next);
  if (items.has(next.dataset.item)) activate(next);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=search], input[type=range]")) return;
  const thing = event.target.closest?.(".thing");
  if (thing && event.key.startsWith("Arrow")) walk(thing, event.key);
  else if (thing && (event.key === "Enter" || event.key === " ")) activate(thing);
  else if (event.target.matches("button, summary, a") && (event.key === "Enter" || event.key === " ")) return;
  else if (ACTIONS[event.key]) ACTIONS[event.key]();
  else return;
  event.preventDefault();
});
