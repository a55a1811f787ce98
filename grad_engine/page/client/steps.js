/**
 * The steps of the story: what is there, what runs, and what has arrived at each of them. A closed group is passed over
 * in one step, as a debugger steps over a function.
 */

import { follow } from "./camera.js";
import { beats, data, items } from "./data.js";
import { mark } from "./dom.js";
import { send, when } from "./events.js";
import { groups, inside, keyOf, standIn } from "./groups.js";
import { drawn, lines, linesOf } from "./picture.js";

const last = beats.length - 1;
const FEW = 40; // steps; beyond that all is painted anew
const MARKS = ["now", "forward", "backward", "sum"];

/** The step that is shown, and the steps that were passed over with it. */
export const shown = { step: 0, from: 0, to: 0 };

const [born, valueAt, shareAt, settledAt] = [new Map(), new Map(), new Map(), new Map()];
beats.forEach((beat, step) => {
  const first = (map, keys) => keys.forEach((key) => map.has(key) || map.set(key, step));
  first(born, beat.builds);
  first(valueAt, beat.values);
  first(shareAt, beat.shares);
  for (const id of beat.settles) settledAt.set(id, step);
});
let lit = [];

function paintItem(id) {
  const element = drawn.get(keyOf(items.get(id)));
  const settled = shown.step >= (settledAt.get(id) ?? Infinity) || shown.step === last;
  mark(element, "unborn", (born.get(id) ?? -1) > shown.step);
  mark(element, "waiting", !settled);
}

/** A closed group is there with its first op, and has its gradients when all in it have. */
function paintGroup(group) {
  const element = drawn.get(keyOf(group));
  if (!element || group.open) return;
  const items = inside(group);
  const begun = items.some((item) => item.kind === "op" && (born.get(item.id) ?? -1) <= shown.step);
  const settled = items.every((item) => item.size === undefined || (settledAt.get(item.id) ?? Infinity) <= shown.step);
  mark(element, "unborn", !begun && shown.step !== last);
  mark(element, "waiting", !settled && shown.step !== last);
}

function paintLine(line) {
  const ids = line.links.flatMap((link) => link.ids || [link.id]);
  const none = (map, absent) => ids.every((id) => (map.get(id) ?? absent) > shown.step);
  mark(line.value, "unborn", none(valueAt, 0));
  mark(line.gradient, "unborn", none(shareAt, Infinity));
}

function paint() {
  for (const item of data.items) paintItem(item.id);
  for (const group of groups.values()) paintGroup(group);
  for (const line of lines) paintLine(line);
  light();
}

/** Marks what happens in the steps that are shown. */
function light() {
  for (const element of lit) element.classList.remove(...MARKS);
  lit = [];
  const put = (element, direction) => {
    if (!element) return;
    element.classList.add(...["now", direction].filter(Boolean));
    lit.push(element);
  };
  for (let step = shown.from; step <= shown.to; step++) {
    const beat = beats[step];
    for (const id of beat.touches) put(drawn.get(keyOf(standIn(id))), beat.direction);
    for (const id of beat.values) for (const line of linesOf.get(id) || []) put(line.value);
    for (const id of [...beat.shares, ...beat.adds]) for (const line of linesOf.get(id) || []) put(line.gradient);
  }
}

function repaint(from, to) {
  if (to - from > FEW || to === last || from === last) return paint();
  for (const beat of beats.slice(from, to + 1)) {
    for (const id of [...beat.builds, ...beat.settles]) paintItem(id);
    for (const id of [...beat.values, ...beat.shares]) for (const line of linesOf.get(id) || []) paintLine(line);
  }
  for (const group of groups.values()) paintGroup(group);
  light();
}

/** Shows a step. `passed` are the first and last step that it stands for. */
export function show(step, { passed = null, quiet = false } = {}) {
  const before = shown.step;
  shown.step = Math.max(0, Math.min(last, step));
  [shown.from, shown.to] = passed || [shown.step, shown.step];
  repaint(Math.min(before, shown.from), Math.max(before, shown.to));
  if (!quiet) followStep();
  send("step", quiet);
}

/** Brings what happens into the window, if it is outside. */
export function followStep() {
  const [first] = beats[shown.step].touches;
  if (first !== undefined) follow(drawn.get(keyOf(standIn(first))));
}

/** The closed group in which a step happens, with its direction; null where it happens in the open. */
function closedGroup(step) {
  const beat = beats[step];
  const id = beat.touches.find((each) => items.get(each).kind === "op") ?? beat.touches[0];
  const thing = id === undefined ? null : standIn(id);
  return thing?.isGroup ? { group: thing, direction: beat.direction } : null;
}

/** The group that is passed over by the steps shown; null where they are told one by one. */
export const passedGroup = () => (shown.from < shown.to ? closedGroup(shown.from)?.group : null);

/** Goes one step on (1) or back (-1), over a closed group as a whole. After the last step comes the first. */
export function move(direction) {
  if (shown.step === last && direction > 0) return show(0);
  const start = direction > 0 ? shown.to + 1 : shown.from - 1;
  if (start < 0 || start > last) return undefined;
  const closed = closedGroup(start);
  let end = start;
  if (closed) {
    for (let next = end + direction; next >= 0 && next <= last; next += direction) {
      const found = closedGroup(next);
      if (found?.group !== closed.group || found.direction !== closed.direction) break;
      end = next;
    }
  }
  const passed = [Math.min(start, end), Math.max(start, end)];
  return show(passed[1], { passed });
}

export const lastStep = last;
when("drawn", paint);
