/**
 * Which part of the picture is seen, and how large: pan, zoom, fit. Of a large picture only what is near the window is
 * kept in the page, so that panning stays smooth.
 */

import { byId, mark } from "./dom.js";
import { send, when } from "./events.js";
import { bounds, boxed, places } from "./picture.js";

const MARGIN = 26;
const CLOSEST = 4;
const FARTHEST = 0.02;
const LARGEST_FIT = 1.25;
const SMALLEST_START = 0.5; // below this nothing can be read, so a large graph opens at its beginning
const CLOSE_ENOUGH = 0.6; // of that; a little smaller and whole is better
const FAR = 0.3; // from here on texts are left out
const KEPT_WHOLE = 400; // things; fewer are never taken out
const BEYOND = 0.6; // how far beyond the window things are kept, in windows

const picture = byId("svg");
const view = byId("view");
const stage = byId("stage");
const camera = { x: 0, y: 0, scale: 1 };
let fitting = 1; // the scale at which all is seen
let kept = null;

const size = () => stage.getBoundingClientRect();

/** Whether the whole picture is in the window. */
export const showsAll = () => Math.abs(camera.scale - fitting) < 1e-6;

function show() {
  view.style.transform = `translate(${camera.x}px,${camera.y}px) scale(${camera.scale})`;
  mark(picture, "far", camera.scale < FAR);
  leaveOut(false);
  send("camera");
}

function leaveOut(anew) {
  if (boxed.length < KEPT_WHOLE) return;
  const { width, height } = size();
  const window = {
    left: (-camera.x - width * BEYOND) / camera.scale, right: (width * (1 + BEYOND) - camera.x) / camera.scale,
    top: (-camera.y - height * BEYOND) / camera.scale, bottom: (height * (1 + BEYOND) - camera.y) / camera.scale,
  };
  const moved = kept && Math.max(Math.abs(kept.left - window.left) / width, Math.abs(kept.top - window.top) / height);
  if (!anew && kept && kept.scale === camera.scale && moved * camera.scale < BEYOND / 1.5) return;
  kept = { ...window, scale: camera.scale };
  for (const each of boxed) {
    const [left, top, right, bottom] = each.box;
    const seen = left < window.right && right > window.left && top < window.bottom && bottom > window.top;
    if (seen !== each.seen) {
      each.seen = seen;
      each.element.style.display = seen ? "" : "none";
    }
  }
}

/** Shows the whole picture; at the start of a large one its beginning, at a size that can be read. */
export function fit(atStart = false) {
  const { width, height } = size();
  fitting = Math.min(LARGEST_FIT, (width - 2 * MARGIN) / bounds.width, (height - 2 * MARGIN - 14) / bounds.height);
  camera.scale = atStart && fitting < CLOSE_ENOUGH * SMALLEST_START ? SMALLEST_START : fitting;
  const along = (begin, length, room) =>
    camera.scale > fitting && length * camera.scale > room
      ? MARGIN - begin * camera.scale
      : room / 2 - (begin + length / 2) * camera.scale;
  camera.x = along(bounds.x, bounds.width, width);
  camera.y = along(bounds.y, bounds.height, height);
  show();
}

/** Magnifies by `factor` around a place of the window; around its middle when none is given. */
export function zoom(factor, x = size().width / 2, y = size().height / 2) {
  const scale = Math.max(FARTHEST, Math.min(CLOSEST, camera.scale * factor));
  camera.x = x - ((x - camera.x) * scale) / camera.scale;
  camera.y = y - ((y - camera.y) * scale) / camera.scale;
  camera.scale = scale;
  show();
}

/** Moves the picture by so many pixels. */
export function pan(dx, dy) {
  camera.x += dx;
  camera.y += dy;
  show();
}

/** Brings a thing into the middle, and near enough to be read. */
export function centre(key, nearest = 0.45, wanted = 0.8) {
  const place = places.get(key);
  if (!place) return;
  if (camera.scale < nearest) camera.scale = wanted;
  const { width, height } = size();
  camera.x = width / 2 - place.x * camera.scale;
  camera.y = height / 2 - place.y * camera.scale;
  show();
}

/** Moves the picture so that an element is in the window, if it is not. */
export function follow(element) {
  if (!element || showsAll()) return;
  const [window, box] = [size(), element.getBoundingClientRect()];
  const inside =
    box.left > window.left + 20 && box.right < window.right - 20 && box.top > window.top + 20 && box.bottom < window.bottom - 20;
  if (!inside) pan(window.left + window.width / 2 - (box.left + box.right) / 2, window.top + window.height / 2 - (box.top + box.bottom) / 2);
}

when("drawn", () => {
  kept = null;
  leaveOut(true);
});
