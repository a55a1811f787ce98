/**
 * The graph on screen: ops, leaves, groups and the lines between them. Draws all anew whenever a group opens or closes.
 */

import { data, links } from "./data.js";
import { byId, svg } from "./dom.js";
import { send } from "./events.js";
import { keyOf, whole } from "./groups.js";
import { portHeight } from "./coordinates.js";
import { groupShape, itemShape } from "./shapes.js";
import { layOut } from "./layout.js";
import { entryPort, exitPort } from "./levels.js";
import { cornered, smooth } from "./routes.js";
import { hiding } from "./visible.js";

const BESIDE = 2.5; // how far values and gradients run from the middle of their line
const NARROW = 0.55; // scale; a given layout that has to be smaller is laid out anew, in rows
const AROUND = 40; // room around a line, when it is asked whether it is in the window

const view = byId("view");

/** What is drawn: key -> element, link id -> its lines, and everything with its box, for the camera. */
export const drawn = new Map();
export const linesOf = new Map();
export const lines = [];
export const boxed = [];
export const bounds = { x: 0, y: 0, width: 1, height: 1 };
export const places = new Map(); // key -> {x, y}: the middle of each thing

/** Draws everything that is open. */
export function draw() {
  const { width, height } = byId("stage").getBoundingClientRect();
  view.replaceChildren();
  for (const each of [drawn, linesOf, places]) each.clear();
  lines.length = boxed.length = 0;
  if (data.layout && !hiding.on && fits(data.layout, width)) drawAsGiven(data.layout);
  else drawLaidOut(layOut({ width, height }));
  view.querySelector(".thing")?.setAttribute("tabindex", "0"); // one tab stop; arrow keys walk from there
  send("drawn");
}

/** Whether a layout can be read in a window so wide; on a phone rows are needed. */
const fits = (layout, width) => width / layout.width > NARROW;

/** Small graphs come with the layout of their still picture. */
function drawAsGiven({ boxes, routes, width, height }) {
  Object.assign(bounds, { x: -width / 2, y: -height / 2, width, height });
  const byItem = new Map(data.items.map((item) => [item.id, item]));
  for (const link of links) {
    const route = routes[link.id];
    if (!route) continue;
    const points = route.map((point) => [...point]);
    points[0][0] = boxes[link.from][0] + byItem.get(link.from).glyph / 2;
    points.at(-1)[0] = boxes[link.to][0] - byItem.get(link.to).glyph / 2;
    addLine([link], cornered(points), null);
  }
  for (const item of data.items) addItem(item, ...boxes[item.id]);
}

function drawLaidOut({ width, height }) {
  Object.assign(bounds, { x: 0, y: 0, width, height });
  const open = [];
  place(whole, 0, 0, open);
  for (const { group, x, y, size } of open) addGroup(group, x, y, size);
  let lane = 0;
  for (const { group, x, y } of [{ group: whole, x: 0, y: 0 }, ...open]) {
    if (!group.open) continue;
    for (const line of group.layout.lines) {
      const points = [startOf(line), ...line.bends.map((bend) => ({ x: bend.left, y: bend.top, row: bend.row })), endOf(line)];
      addLine(line.links, smooth(points, group.layout.rows, { x, y }, lane++), points);
    }
  }
  for (const [key, { item, x, y }] of places) if (item && key) addItem(item, x, y);
}

/** Works out where everything inside a group lies in the whole picture. */
function place(group, x, y, open) {
  for (const [key, node] of group.layout.nodes) {
    Object.assign(node, { left: x + node.x, top: y + node.y });
    if (node.item) places.set(key, { item: node.item, x: node.left, y: node.top });
    else if (node.child) {
      const corner = { x: node.left - node.width / 2, y: node.top - node.height / 2 };
      places.set(key, { x: node.left, y: node.top });
      open.push({ group: node.child, ...corner, size: [node.width, node.height] });
      if (node.child.open) place(node.child, corner.x, corner.y, open);
    }
  }
  for (const line of group.layout.lines) {
    for (const bend of line.bends) Object.assign(bend, { left: x + bend.x, top: y + bend.y });
  }
}

const half = (node) => (node.item ? node.item.glyph / 2 : node.width / 2);

function startOf({ source, links: [first] }) {
  const port = source.child?.open && source.child.layout?.nodes.get(exitPort(first.from));
  return { x: source.left + half(source), y: port ? port.top : source.top, row: source.row };
}

function endOf({ target, slot, slots, links: [first] }) {
  const port = target.child?.open && target.child.layout?.nodes.get(entryPort(first.from));
  const own = target.item && slots > 1 ? portHeight(target, (slot + 1) / (slots + 1)) : 0;
  return { x: target.left - half(target), y: port ? port.top : target.top + own, row: target.row };
}

function addItem(item, x, y) {
  const element = itemShape(item, x, y);
  view.append(element);
  drawn.set(keyOf(item), element);
  places.set(keyOf(item), { item, x, y });
  boxed.push({ element, box: [x - item.width / 2, y - item.height / 2, x + item.width / 2, y + item.height / 2] });
}

function addGroup(group, x, y, [width, height]) {
  const element = groupShape(group, x, y, width, height);
  view.append(element);
  drawn.set(keyOf(group), element);
}

function addLine(itsLinks, path, points) {
  const sent = itsLinks.some((link) => link.sent);
  const bad = (what) => (itsLinks.some((link) => link[what]) ? " bad" : "");
  const touch = svg("path", { class: "touch", d: path });
  const value = svg("path", { class: `value-line${bad("badValue")}`, d: path, transform: sent ? `translate(0 ${-BESIDE})` : null });
  const gradient = sent ? svg("path", { class: `gradient-line${bad("badShare")}`, d: path, transform: `translate(0 ${BESIDE})` }) : null;
  const element = svg("g", {}, touch, value, gradient);
  view.append(element);
  const line = { links: itsLinks, value, gradient };
  touch.links = itsLinks;
  lines.push(line);
  for (const id of itsLinks.flatMap((link) => link.ids || [link.id])) linesOf.set(id, [...(linesOf.get(id) || []), line]);
  if (points) {
    const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
    const box = [Math.min(...xs) - AROUND, Math.min(...ys) - AROUND, Math.max(...xs) + AROUND, Math.max(...ys) + AROUND];
    boxed.push({ element, box });
  }
}
