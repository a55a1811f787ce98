/**
 * Ops that only bring numbers into another shape can be left out: lines then lead past them.
 */

import { data, items, links } from "./data.js";

/** Whether such ops are left out. */
export const hiding = { on: false };

const into = new Map();
for (const link of links) into.set(link.to, [...(into.get(link.to) || []), link]);

/** Ops that can be left out: the writer names them; one line leads to each, and something reads it. */
const quiet = new Set(data.items.filter((item) => item.quiet && into.get(item.id)?.length === 1).map((item) => item.id));

export const canHide = quiet.size > 0;

/** Whether an item is left out now. */
export const isHidden = (item) => hiding.on && quiet.has(item.id);

/** The lines to draw: those between items that are there. A line past hidden ops has the ids of all that it stands for. */
export function visibleLinks() {
  if (!hiding.on) return links;
  return links.filter((link) => !isHidden(items.get(link.to))).map(pastHidden);
}

function pastHidden(link) {
  const ids = [link.id];
  let { from } = link;
  while (isHidden(items.get(from))) {
    const [before] = into.get(from);
    ids.push(before.id);
    from = before.from;
  }
  return from === link.from ? link : { ...link, from, ids };
}
