/**
 * Where the columns of a layered drawing lie, and how high each thing in them stands. Heights minimise the squared
 * lengths of the lines under the order of the column (pool adjacent violators, Ayer and others 1955).
 */

import { neighbours } from "./layers.js";

export const COLUMN_GAP = 58;
const GAP = 20; // between two things of a column
const NARROW_GAP = 10; // beside a bend or a port
const PORT_GAP = 20; // between the border of a group and what is inside
const ROUNDS = 24;

/** Gives every node x and y, the top left corner of all being (left, top). Returns {width, height}. */
export function positioned(columns, segments, left, top) {
  heights(columns, segments);
  const all = columns.flat();
  const highest = Math.min(...all.map((node) => node.y - node.height / 2));
  const lowest = Math.max(...all.map((node) => node.y + node.height / 2));
  let x = left;
  columns.forEach((column, i) => {
    const width = Math.max(0, ...column.map((node) => node.width));
    for (const node of column) node.x = node.entry ? 0 : x + width / 2;
    const next = columns[i + 1];
    if (next) x += width + (column.every(isPort) ? PORT_GAP : COLUMN_GAP);
    else x += width;
  });
  for (const node of all) node.y += top - highest;
  return all.length ? { width: x, height: lowest - highest + top } : { width: left, height: top + 40 };
}

export const isPort = (node) => Boolean(node.entry || node.exit);
const gap = (a, b) => (a.bend || b.bend || isPort(b) ? NARROW_GAP : GAP);

/** How far below the middle of a node the line to one of its operands ends. */
export const portHeight = (node, port) => (node.item ? (port - 0.5) * node.item.body : 0);

function heights(columns, segments) {
  const [left, right] = neighbours(segments);
  for (const column of columns) {
    let y = 0;
    column.forEach((node, i) => {
      y += (i ? (column[i - 1].height + node.height) / 2 + gap(column[i - 1], node) : 0);
      node.y = y;
    });
    for (const node of column) node.y -= y / 2;
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const column of round % 2 ? [...columns].reverse() : columns) settle(column, left, right);
  }
}

/** Long lines are pulled straight before short ones are. */
const pull = (a, b) => (a.bend && b.bend ? 8 : a.bend || b.bend ? 2 : 1);

function settle(column, left, right) {
  let offset = 0;
  const blocks = [];
  column.forEach((node, i) => {
    let [total, weight] = [0, 0];
    for (const { node: other, port } of left.get(node) || []) {
      total += pull(node, other) * (other.y - portHeight(node, port));
      weight += pull(node, other);
    }
    for (const { node: other, port } of right.get(node) || []) {
      total += pull(node, other) * (other.y + portHeight(other, port));
      weight += pull(node, other);
    }
    if (i) offset += (column[i - 1].height + node.height) / 2 + gap(column[i - 1], node);
    node.offset = offset;
    const own = weight || 0.2;
    let block = { weight: own, sum: own * ((weight ? total / weight : node.y) - offset), nodes: [node] };
    while (blocks.length && blocks.at(-1).sum / blocks.at(-1).weight > block.sum / block.weight) {
      const above = blocks.pop();
      block = {
        weight: above.weight + block.weight,
        sum: above.sum + block.sum,
        nodes: [...above.nodes, ...block.nodes],
      };
    }
    blocks.push(block);
  });
  for (const block of blocks) for (const node of block.nodes) node.y = block.sum / block.weight + node.offset;
}
