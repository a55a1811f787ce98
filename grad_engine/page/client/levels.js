/**
 * Which lines run inside which group. A link between two items is drawn in the innermost open group that holds both,
 * and goes through ports in the borders of the groups that it enters or leaves.
 */

import { keyOf, wayOf } from "./groups.js";
import { visibleLinks } from "./visible.js";

/** The port by which the output of an item leaves, or enters, a group. */
export const exitPort = (source) => `out ${source}`;
export const entryPort = (source) => `in ${source}`;

/** group -> {lines, ports}: what has to be laid out inside each open group. Lines between the same ends are one. */
export function levels() {
  const found = new Map();
  const level = (group) => {
    if (!found.has(group)) found.set(group, { lines: new Map(), ports: new Set() });
    return found.get(group);
  };
  const line = (group, from, to, link, port, slots) => {
    const key = JSON.stringify([from, to, slots > 1 ? port : 0]);
    const { lines } = level(group);
    if (!lines.has(key)) lines.set(key, { from, to, slot: port, slots, links: [] });
    lines.get(key).links.push(link);
  };
  for (const link of visibleLinks()) {
    const [start, end] = [wayOf(link.from), wayOf(link.to)];
    if (!start || !end) continue;
    let shared = 0; // how far the two ways are the same
    while (shared + 1 < Math.min(start.length, end.length) - 1 && start[shared + 1] === end[shared + 1]) shared += 1;
    if (start.slice(0, shared + 1).some((group) => !group.open)) continue; // inside something closed
    const exact = (i) => (i === end.length - 1 ? [link.port, link.slots] : [0, 1]);
    line(start[shared], keyOf(start[shared + 1]), keyOf(end[shared + 1]), link, ...exact(shared + 1));
    for (let i = shared + 1; i < start.length - 1 && start[i].open; i++) {
      line(start[i], keyOf(start[i + 1]), exitPort(link.from), link, 0, 1);
      level(start[i]).ports.add(exitPort(link.from));
    }
    for (let i = shared + 1; i < end.length - 1 && end[i].open; i++) {
      line(end[i], entryPort(link.from), keyOf(end[i + 1]), link, ...exact(i + 1));
      level(end[i]).ports.add(entryPort(link.from));
    }
  }
  return found;
}
