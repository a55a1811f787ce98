/**
 * A long chain goes on in the next row, as words do: cuts the columns of a drawing into rows that fit a window.
 */

import { isPort } from "./coordinates.js";

const ROW_GAP = 26;
const LANE = 8; // more room between two rows for each line that goes from one to the other
const MOST_LANES = 6;
const INSET = 22;
const BELOW = 14;
const RIGHT = 24;

/** The rows for `count` of them: {rows, width, height}; a row has its nodes, how they move, and its borders. */
export function inRows(columns, segments, count, width, left, top, indented) {
  const extents = columns.map(columnExtent);
  const cuts = chooseCuts(columns, segments, extents, width / count);
  const rowOf = (rank) => cuts.filter((cut) => cut <= rank).length;
  const rows = [];
  let [y, widest] = [top, 0];
  for (let row = 0; row <= cuts.length; row++) {
    const ranks = columns.map((_, rank) => rank).filter((rank) => rowOf(rank) === row);
    const nodes = ranks.flatMap((rank) => columns[rank]);
    if (!nodes.length) continue;
    const highest = Math.min(...nodes.map((node) => node.y - node.height / 2));
    const lowest = Math.max(...nodes.map((node) => node.y + node.height / 2));
    const start = extents[ranks.find((rank) => !columns[rank].every(isPort)) ?? ranks[0]][0];
    if (row) y += ROW_GAP + LANE * Math.min(MOST_LANES, sourcesAcross(segments, cuts[row - 1] - 1));
    const inset = left + (row || indented ? INSET : 0);
    const right = Math.max(...ranks.map((rank) => extents[rank][1])) + inset - start;
    rows.push({ nodes, dx: inset - start, dy: y - highest, bottom: y + lowest - highest, left: inset, right });
    y += lowest - highest + BELOW;
    widest = Math.max(widest, right + RIGHT);
  }
  return { rows, width: widest, height: y - BELOW };
}

/** Moves the nodes of each row to their place; `node.row` says which row it is. */
export function moveToRows({ rows }) {
  rows.forEach((row, index) => {
    for (const node of row.nodes) {
      if (!node.entry) node.x += row.dx;
      node.y += row.dy;
      node.row = index;
    }
  });
}

function columnExtent(column) {
  const width = Math.max(0, ...column.map((node) => node.width));
  const middle = column.find((node) => !isPort(node))?.x ?? 0;
  return [middle - width / 2, middle + width / 2];
}

/** How many sources have lines from this rank to the next. */
const sourcesAcross = (segments, rank) =>
  new Set(segments.filter(({ from, to }) => from.rank === rank && to.rank === rank + 1).map(({ from }) => from)).size;

/** The ranks at which a new row begins: near the wanted width, where few lines are cut. */
function chooseCuts(columns, segments, extents, target) {
  const cuts = [];
  let start = 0;
  for (let rank = 1; rank < columns.length - 1; rank++) {
    if (columns[rank].every(isPort) || extents[rank][1] - extents[start][0] <= target * 1.02) continue;
    let [best, least] = [rank, Infinity];
    for (let candidate = Math.max(start + 1, rank - 2); candidate <= rank; candidate++) {
      const cost = 3 * sourcesAcross(segments, candidate - 1) + rank - candidate;
      if (cost < least) [best, least] = [candidate, cost];
    }
    cuts.push(best);
    start = best;
  }
  return cuts;
}
