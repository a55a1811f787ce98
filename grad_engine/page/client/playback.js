/**
 * Buttons, slider and address of the steps: play, pause, back, forward, and a link to the step that is shown.
 */

import { beats, items } from "./data.js";
import { byId, html } from "./dom.js";
import { when } from "./events.js";
import { centre } from "./camera.js";
import { groups, keyOf } from "./groups.js";
import { draw } from "./picture.js";
import { choose, goTo } from "./selection.js";
import { followStep, lastStep, move, show, shown } from "./steps.js";

const FIRST = 0.6; // of its seconds that the step lasts at which play begins; it has been read
let timer = null;

/** Starts or stops playing; from the last step it starts over. */
export function play(on) {
  clearTimeout(timer);
  timer = null;
  byId("play").dataset.on = on ? "1" : "";
  byId("play").setAttribute("aria-pressed", String(Boolean(on)));
  if (!on) return;
  if (shown.step === lastStep) show(0);
  const next = () => {
    if (shown.step >= lastStep) return play(false);
    move(1);
    timer = setTimeout(next, 1000 * beats[shown.step].seconds);
    return undefined;
  };
  timer = setTimeout(next, 1000 * FIRST * beats[shown.step].seconds);
}

export const playing = () => timer !== null;

const slider = byId("slider");
slider.max = lastStep;
slider.addEventListener("input", () => show(Number(slider.value)));
byId("first").addEventListener("click", () => show(0));
byId("back").addEventListener("click", () => move(-1));
byId("play").addEventListener("click", () => play(!playing()));
byId("forward").addEventListener("click", () => move(1));
byId("last").addEventListener("click", () => show(lastStep));

when("step", (quiet) => {
  slider.value = shown.step;
  slider.setAttribute("aria-valuetext", beats[shown.step].subtitle);
  byId("count").textContent = `${shown.step + 1} / ${lastStep + 1}`;
  if (!quiet) rewrite(`#beat=${shown.step + 1}`);
});
when("select", (thing) => {
  if (thing.kind) rewrite(`#item=${encodeURIComponent(thing.kind === "op" ? `#${thing.number}` : thing.title || thing.id)}`);
  else if (thing.isGroup) rewrite(`#item=${encodeURIComponent(thing.path)}`);
});

/** A page inside a sandboxed frame may not change its address; it works without. */
function rewrite(hash) {
  try {
    history.replaceState(null, "", hash);
  } catch {
    // nothing to do
  }
}

/** Goes where the address says: #beat=12, #item=h.8.mlp, #item=#3, #op=h.8.mlp. Returns whether it said anything. */
export function followAddress() {
  const [, kind, value] = /^#(beat|item|op)=(.*)$/.exec(location.hash) || [];
  if (kind === "beat" && Number(value) >= 1) {
    show(Number(value) - 1);
    return true;
  }
  const wanted = kind ? decodeURIComponent(value) : null;
  if (!wanted) return false;
  const group = [...groups.values()].find((each) => each.path === wanted && each.id);
  const item = [...items.values()].find(
    (each) => each.id === wanted || `#${each.number}` === wanted || each.name === wanted || each.title === wanted,
  );
  if (group) {
    for (let outer = group.parent; outer; outer = outer.parent) outer.open = true;
    draw();
    choose(group);
    centre(keyOf(group));
  } else if (item) goTo(item.id);
  return Boolean(group || item);
}

window.addEventListener("hashchange", followAddress);

/** The band above the slider: forward, backward and the end, as wide as they have steps. */
const phases = [];
for (const beat of beats) {
  const name = beat.direction || "still";
  if (phases.at(-1)?.name === name) phases.at(-1).steps += 1;
  else phases.push({ name, steps: 1 });
}
for (const { name, steps } of phases) {
  const part = html("i", { class: name });
  part.style.flex = String(steps);
  byId("phases").append(part);
}
when("drawn", followStep);
