/**
 * Ranks and order of what is inside one group: a layered drawing after Sugiyama, Tagawa and Toda (1981).
 * Ranks are longest paths, long lines are led through "bends" in the ranks between, and the order within a rank
 * follows the barycentres of the neighbours.
 */

const SWEEPS = 10;
const TOO_MANY_TO_COUNT = 400; // lines between two ranks; counting their crossings would take longer than it is worth

/** Sorts nodes into columns. Returns {columns, segments}; gives every line its `bends`, and says which run backwards. */
export function layered(nodes, lines) {
  const order = (node) => (node.entry ? -1 : node.exit ? Infinity : node.order);
  for (const line of lines) {
    [line.source, line.target] = [nodes.get(line.from), nodes.get(line.to)];
    line.backwards = order(line.source) > order(line.target);
    line.bends = [];
  }
  const forward = lines.filter((line) => !line.backwards);
  const columns = ranked([...nodes.values()], forward);
  const segments = bent(columns, forward);
  uncross(columns, segments);
  return { columns, segments };
}

function ranked(nodes, lines) {
  const [before, after] = [new Map(nodes.map((node) => [node, []])), new Map(nodes.map((node) => [node, []]))];
  for (const line of lines) {
    before.get(line.target).push(line.source);
    after.get(line.source).push(line.target);
  }
  const first = nodes.some((node) => node.entry) ? 1 : 0;
  for (const node of nodes) node.rank = node.entry ? 0 : first;
  const waiting = new Map(nodes.map((node) => [node, before.get(node).length]));
  const sorted = nodes.filter((node) => !waiting.get(node));
  for (const node of sorted) { // grows while it is read
    for (const next of after.get(node)) {
      next.rank = Math.max(next.rank, node.rank + 1);
      waiting.set(next, waiting.get(next) - 1);
      if (!waiting.get(next)) sorted.push(next);
    }
  }
  for (const node of sorted.reverse()) { // what nothing leads to stands just before its first reader
    if (before.get(node).length || !after.get(node).length || node.entry) continue;
    node.rank = Math.max(first, Math.min(...after.get(node).map((next) => next.rank)) - 1);
  }
  const last = Math.max(0, ...nodes.filter((node) => !node.exit).map((node) => node.rank));
  for (const node of nodes) if (node.exit) node.rank = last + 1;
  const columns = Array.from({ length: last + 1 + (nodes.some((node) => node.exit) ? 1 : 0) }, () => []);
  for (const node of nodes) columns[node.rank].push(node);
  return columns;
}

/** Leads lines over several ranks through bends, which lines from one source share. Returns lines from rank to rank. */
function bent(columns, lines) {
  const bends = new Map();
  const segments = [];
  for (const line of lines) {
    let previous = line.source;
    for (let rank = line.source.rank + 1; rank < line.target.rank; rank++) {
      const key = JSON.stringify([line.from, rank]);
      let bend = bends.get(key);
      if (!bend) {
        bend = { bend: true, width: 0, height: 8, rank };
        bends.set(key, bend);
        columns[rank].push(bend);
        segments.push({ from: previous, to: bend, port: 0.5 });
      }
      line.bends.push(bend);
      previous = bend;
    }
    segments.push({ from: previous, to: line.target, port: line.slots > 1 ? (line.slot + 1) / (line.slots + 1) : 0.5 });
  }
  return segments;
}

/** Sorts each column by where its neighbours lie, back and forth, and keeps the order with the fewest crossings. */
function uncross(columns, segments) {
  const [left, right] = neighbours(segments);
  const number = () => columns.forEach((column) => column.forEach((node, i) => (node.place = i)));
  number();
  let [fewest, best] = [crossings(columns, right), columns.map((column) => [...column])];
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const back = sweep % 2 === 1;
    const near = back ? right : left;
    for (const column of back ? [...columns].reverse() : columns) {
      for (const node of column) {
        const found = near.get(node);
        const sum = (found || []).reduce((total, { node: other, port }) => total + other.place + (back ? port / 2 : 0), 0);
        node.wish = found ? sum / found.length : node.place;
      }
      column.sort((a, b) => a.wish - b.wish || a.place - b.place);
      column.forEach((node, i) => (node.place = i));
    }
    const now = crossings(columns, right);
    if (now < fewest) [fewest, best] = [now, columns.map((column) => [...column])];
  }
  best.forEach((column, rank) => columns[rank].splice(0, column.length, ...column));
  number();
}

/** For each node its neighbours to the left and to the right, with the place of the line at the right end. */
export function neighbours(segments) {
  const [left, right] = [new Map(), new Map()];
  const add = (map, node, other, port) => {
    if (!map.has(node)) map.set(node, []);
    map.get(node).push({ node: other, port });
  };
  for (const { from, to, port } of segments) {
    add(right, from, to, port);
    add(left, to, from, port);
  }
  return [left, right];
}

function crossings(columns, right) {
  let total = 0;
  for (const column of columns) {
    const ends = column.flatMap((node) => (right.get(node) || []).map((to) => [node.place, to.node.place + to.port / 2]));
    if (ends.length > TOO_MANY_TO_COUNT) continue;
    for (let i = 0; i < ends.length; i++) {
      for (let j = 0; j < i; j++) if ((ends[i][0] - ends[j][0]) * (ends[i][1] - ends[j][1]) < 0) total += 1;
    }
  }
  return total;
}
