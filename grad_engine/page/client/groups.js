/**
 * Groups (modules, scopes, equal repeats): which hold which items, which are open, and what stands for an item on screen.
 */

import { data, items, tensors } from "./data.js";
import { sizeOf } from "./numbers.js";

const OPEN_UP_TO = 60; // things on screen at the start

/** The group that holds everything; it is always open. */
export const whole = newGroup({ id: "", parent: null, label: "", path: "" });

/** Every group by its id, the whole among them. */
export const groups = new Map([["", whole]]);

function newGroup({ id, parent, label, path, times, closed }) {
  const counts = { badValues: 0, changed: 0, ops: 0, leaves: 0, parameters: 0, bad: 0, withoutGradient: 0 };
  const nothing = { children: [], open: false, largest: null, last: null };
  return { id, parent, label, path, times, closedAtFirst: closed, isGroup: true, ...nothing, ...counts };
}

for (const each of data.groups) {
  const group = newGroup({ ...each, parent: groups.get(each.parent || "") });
  groups.set(group.id, group);
  group.parent.children.push(group);
}
for (const item of data.items) {
  item.home = groups.get(item.group || "");
  item.home.children.push(item);
  for (let group = item.home; group; group = group.parent) tally(group, item);
}

function tally(group, item) {
  if (item.badge) group.bad += 1;
  if (item.badge && !item.badgeOfGradient) group.badValues += 1;
  if (item.changes) group.changed += 1;
  if (item.kind === "op") {
    group.ops += 1;
    group.first = Math.min(group.first ?? Infinity, item.number);
    if (!group.last || item.number > group.last.number) group.last = item;
  } else if (item.kind === "leaf") {
    group.leaves += 1;
    group.parameters += sizeOf(tensors[item.tensor].shape);
    if (item.size === undefined) group.withoutGradient += 1;
    if (typeof item.size === "number") group.largest = Math.max(group.largest ?? 0, item.size);
  }
}

/** The groups around an item or group, from the whole to its own; the thing itself comes last. */
export function wayTo(thing) {
  const way = [thing];
  for (let group = thing.isGroup ? thing.parent : thing.home; group; group = group.parent) way.unshift(group);
  return way;
}

whole.open = true;
openWhatFits();

/** Opens what the still picture shows open, level by level, as long as all of a level fit. */
function openWhatFits() {
  const toOpen = (group) => group.children.filter((child) => child.isGroup && !child.closedAtFirst);
  let level = toOpen(whole);
  let seen = whole.children.length;
  while (level.length) {
    seen += level.reduce((sum, group) => sum + group.children.length, 0);
    if (seen > OPEN_UP_TO && data.counts.ops > OPEN_UP_TO) return;
    for (const group of level) group.open = true;
    level = level.flatMap(toOpen);
  }
}

const ways = new Map(data.items.map((item) => [item.id, wayTo(item)]));

/** The way from the whole to the item with this id. */
export const wayOf = (id) => ways.get(id);

/** What stands on screen for an item: the outermost closed group around it, or the item itself. */
export function standIn(id) {
  const way = ways.get(id);
  return way ? way.find((thing) => thing.isGroup && !thing.open) || way.at(-1) : null;
}

/** The key under which a thing is drawn; groups and items have ids of their own, so they get marks of their own. */
export const keyOf = (thing) => (thing.isGroup ? `group ${thing.id}` : `item ${thing.id}`);

/** Opens or closes a group. What is inside a closed group is closed too, so that it opens one level at a time. */
export function setOpen(group, open) {
  group.open = open;
  if (!open) for (const child of group.children) if (child.isGroup) setOpen(child, false);
}

/** Opens or closes all groups. */
export function setAll(open) {
  for (const group of groups.values()) group.open = open || group === whole;
}

/** Opens every group around an item. Returns whether anything had to be opened. */
export function openAround(id) {
  const closed = (ways.get(id) || []).filter((thing) => thing.isGroup && !thing.open);
  for (const group of closed) group.open = true;
  return closed.length > 0;
}

const insides = new Map();
for (const item of items.values()) {
  for (const group of ways.get(item.id)) {
    if (!insides.has(group)) insides.set(group, []);
    insides.get(group).push(item);
  }
}

/** The items inside a group, however deep. */
export const inside = (group) => insides.get(group) || [];
