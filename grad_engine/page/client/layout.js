/**
 * The places of all that is on screen. Every open group is laid out by itself, inside out.
 */

import { COLUMN_GAP, positioned } from "./coordinates.js";
import { groups, keyOf, whole } from "./groups.js";
import { layered } from "./layers.js";
import { levels } from "./levels.js";
import { inRows, moveToRows } from "./rows.js";
import { isHidden } from "./visible.js";

export const HEAD = 30; // height of the title of an open group
const PAD = 22;
const CLOSED_HEIGHT = 78;
const MOST_ROWS = 40;
const PER_LETTER = 9;
const SPREAD = 2; // how much more room a drawing takes than what is in it
const BADGE_HEIGHT = 24;

/** Lays out the whole graph for a window of this size. Returns {width, height}; each group has its `layout`. */
export function layOut(window) {
  const found = levels();
  return laid(whole, found, { ...window, widest: widestGroup(window) });
}

/** How wide an open group may be before it goes on in a second row: as wide as the window would be for all that is open. */
function widestGroup({ width, height }) {
  let area = 0;
  for (const group of groups.values()) {
    if (!isShown(group)) continue;
    for (const child of group.children) {
      const [w, h] = child.isGroup ? (child.open ? [0, 0] : closedSize(child)) : [child.width, child.height];
      area += SPREAD * (w + COLUMN_GAP) * (h + COLUMN_GAP);
    }
  }
  return Math.max(2.7 * width, Math.sqrt((area * width) / Math.max(1, height)));
}

/** Whether a group and all around it are open. */
function isShown(group) {
  for (let each = group; each; each = each.parent) if (!each.open) return false;
  return true;
}

/** The size of a closed group. */
const closedSize = (group) => [
  Math.max(146, PER_LETTER * group.label.length + 34), CLOSED_HEIGHT + (group.bad ? BADGE_HEIGHT : 0),
];

function sized(child, found, window) {
  if (!child.isGroup) return [child.width, child.height];
  if (!child.open) return closedSize(child);
  const { width, height } = laid(child, found, window);
  return [width, height];
}

function laid(group, found, window) {
  const { lines, ports } = found.get(group) || { lines: new Map(), ports: new Set() };
  const nodes = new Map();
  for (const child of group.children) {
    if (!child.isGroup && isHidden(child)) continue;
    const [width, height] = sized(child, found, window);
    const order = child.isGroup ? child.first ?? 0 : child.number ?? -0.5;
    nodes.set(keyOf(child), { child, item: child.isGroup ? null : child, width, height, order });
  }
  for (const port of ports) {
    const kind = port.startsWith("in ") ? "entry" : "exit";
    nodes.set(port, { [kind]: true, width: 0, height: 6 });
  }
  const drawn = [...lines.values()].filter((line) => nodes.has(line.from) && nodes.has(line.to) && line.from !== line.to);
  const { columns, segments } = layered(nodes, drawn);
  const top = group === whole ? 0 : HEAD;
  const left = group === whole ? 0 : PAD;
  let { width, height } = positioned(columns, segments, left, top);
  const wrapped = chooseRows(group, columns, segments, { width: width - left, height, left, top }, window);
  if (wrapped) {
    moveToRows(wrapped);
    ({ width, height } = wrapped);
  }
  width = Math.max(width + left, group === whole ? 0 : PER_LETTER * group.label.length + 60);
  for (const node of nodes.values()) if (node.exit) node.x = width;
  group.layout = { width, height: height + left, nodes, lines: drawn, rows: wrapped?.rows };
  return group.layout;
}

/** How many rows make the drawing largest in the window; null where one row does. */
function chooseRows(group, columns, segments, { width, height, left, top }, window) {
  const rowsOf = (count) => inRows(columns, segments, count, width, left, top, group !== whole);
  if (group !== whole) {
    return width > window.widest ? rowsOf(Math.ceil(width / (0.82 * window.widest))) : null;
  }
  const scale = (w, h) => Math.min(1.1, (window.width - COLUMN_GAP) / w, (window.height - COLUMN_GAP) / h);
  let [best, chosen] = [1.12 * scale(width, height), null]; // one row reads best, so it has an advantage
  for (let count = 2; count <= Math.min(MOST_ROWS, columns.length); count++) {
    const tried = rowsOf(count);
    const size = scale(tried.width, tried.height);
    if (size > 1.03 * best && tried.rows.length > 1) [best, chosen] = [size, tried];
  }
  return chosen;
}
