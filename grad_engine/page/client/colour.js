/**
 * Colours things by the size of their gradient, on a scale of powers of ten (cividis, Nuñez, Anderton and Renslow 2018,
 * which reads the same for every kind of colour vision).
 */

import { data } from "./data.js";
import { byId, html } from "./dom.js";
import { when } from "./events.js";
import { groups, keyOf } from "./groups.js";
import { extent, number } from "./numbers.js";
import { drawn } from "./picture.js";

const CIVIDIS = [[0, 34, 78], [59, 73, 108], [124, 123, 120], [188, 174, 108], [254, 232, 56]];
const [NONFINITE, ZERO] = [[255, 80, 180], [0, 0, 0]];
const MIDDLE_GREY = 120;
const button = byId("colour");

const logs = data.items.map((item) => item.size).filter((size) => typeof size === "number" && size > 0).map(Math.log10);
const [low, high] = extent(logs);
let on = false;

function colourOf(size) {
  if (typeof size !== "number") return NONFINITE;
  if (size === 0) return ZERO;
  const place = high > low ? Math.max(0, Math.min(3.999, (4 * (Math.log10(size) - low)) / (high - low))) : 2;
  const [step, share] = [Math.floor(place), place % 1];
  return CIVIDIS[step].map((part, i) => Math.round(part + (CIVIDIS[step + 1][i] - part) * share));
}

function paint(thing, size) {
  const element = drawn.get(keyOf(thing));
  if (!element) return;
  const coloured = on && size !== null && size !== undefined;
  const colour = coloured ? colourOf(size) : null;
  element.querySelector(".shape").style.fill = colour ? `rgb(${colour})` : "";
  const dark = colour && 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] < MIDDLE_GREY;
  const inner = thing.kind === "op" ? ".sign,.small,.port" : ".text text,.text tspan";
  for (const text of element.querySelectorAll(inner)) {
    if (colour) text.style.setProperty("fill", dark ? "#fff" : "#111", "important");
    else text.style.removeProperty("fill");
  }
}

function paintAll() {
  for (const item of data.items) paint(item, item.size);
  for (const group of groups.values()) if (!group.open) paint(group, group.bad && group.largest === null ? "NaN" : group.largest);
  byId("scale").hidden = !on;
}

/** Colours by gradient, or stops doing so. */
export function toggleColour() {
  on = !on;
  button.setAttribute("aria-pressed", String(on));
  paintAll();
}

button.hidden = !logs.length;
button.addEventListener("click", toggleColour);
byId("scale").append(number(10 ** low, 2), html("i"), `${number(10 ** high, 2)}  ‖grad‖`);
when("drawn", paintAll);
