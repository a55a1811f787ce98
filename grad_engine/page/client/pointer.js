/**
 * Mouse, finger and wheel: drag to pan, wheel or pinch to zoom, click to open or choose, point at a line to read it.
 */

import { pan, zoom } from "./camera.js";
import { items, tensors } from "./data.js";
import { byId, html } from "./dom.js";
import { listed } from "./numbers.js";
import { activate, choose } from "./selection.js";
import { groups } from "./groups.js";

const stage = byId("stage");
const tip = byId("tip");
const fingers = new Map();
const MOST_LINKS = 4; // of one line, told in its tip
const STILL = 4; // pixels; a press that moves less is a click
let moved = 0;

stage.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  moved = 0;
});
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return point(event);
  const now = [event.clientX, event.clientY];
  if (fingers.size === 2) pinch(event.pointerId, before, now);
  else drag(event.pointerId, before, now);
  fingers.set(event.pointerId, now);
});
for (const end of ["pointerup", "pointercancel"]) {
  stage.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    stage.classList.remove("panning");
  });
}
stage.addEventListener("pointerleave", () => (tip.hidden = true));
stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    if (event.shiftKey && !event.ctrlKey) pan(-event.deltaY - event.deltaX, 0);
    else zoom(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
  },
  { passive: false },
);

function drag(pointer, [x, y], now) {
  moved += Math.abs(now[0] - x) + Math.abs(now[1] - y);
  if (moved > STILL && !stage.hasPointerCapture(pointer)) {
    stage.setPointerCapture(pointer);
    stage.classList.add("panning");
  }
  pan(now[0] - x, now[1] - y);
}

function pinch(pointer, before, now) {
  const other = [...fingers].find(([id]) => id !== pointer)[1];
  const span = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
  const box = stage.getBoundingClientRect();
  moved += STILL;
  if (span(before)) zoom(span(now) / span(before), (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
}

/** What runs along a line: the value, and the share of gradient. */
function point(event) {
  const links = event.target.links;
  tip.hidden = !links;
  if (!links) return;
  const more = links.length - MOST_LINKS;
  tip.replaceChildren(
    ...links.slice(0, MOST_LINKS).map(told),
    ...(more > 0 ? [html("div", { class: "muted" }, `and ${more} more`)] : []),
  );
  const box = stage.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(box.width - 350, event.clientX - box.left + 14))}px`;
  tip.style.top = `${Math.max(4, Math.min(box.height - tip.offsetHeight - 4, event.clientY - box.top + 16))}px`;
}

function told(link) {
  const reader = items.get(link.to);
  const operand = reader.operands.find((each) => each.slot === link.slot);
  const value = tensors[operand?.tensor];
  return html(
    "div", {},
    html("div", { class: "value" }, `value ${value?.name ?? ""} = ${listed(value)}`),
    operand?.share
      ? html("div", { class: "gradient" }, `share from #${reader.number} ${reader.op}: ${listed(tensors[operand.share])}`)
      : html("div", { class: "muted" }, "no gradient goes this way"),
  );
}

/** What was clicked with a pointer gives the keyboard back: keys then play and step. Who uses Tab keeps the focus. */
document.addEventListener("click", (event) => {
  if (event.detail && document.activeElement?.matches("button, .thing")) document.activeElement.blur();
});

byId("svg").addEventListener("click", (event) => {
  if (moved > STILL) return;
  const element = event.target.closest(".thing");
  if (element) {
    const group = groups.get(element.dataset.group);
    if (group?.open && !event.target.classList.contains("strip")) choose(group);
    else activate(element);
    return;
  }
  const links = event.target.links;
  if (links) choose(links[0]);
});
