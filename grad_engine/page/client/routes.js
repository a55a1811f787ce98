/**
 * The courses of lines, as SVG paths.
 */

const RADIUS = 9;
const LANES = 4; // lines that go from row to row lie beside one another, so many before they share a place

const near = (value) => Number(value.toFixed(1));

/** A path of straight pieces with rounded corners. */
export function cornered(points, radius = RADIUS) {
  let path = `M${near(points[0][0])} ${near(points[0][1])}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [before, corner, after] = [points[i - 1], points[i], points[i + 1]];
    const [a, b] = [distance(before, corner) || 1, distance(corner, after) || 1];
    const r = Math.min(radius, a / 2, b / 2);
    const start = along(corner, before, r / a);
    const end = along(corner, after, r / b);
    path += `L${near(start[0])} ${near(start[1])}Q${near(corner[0])} ${near(corner[1])} ${near(end[0])} ${near(end[1])}`;
  }
  const last = points.at(-1);
  return `${path}L${near(last[0])} ${near(last[1])}`;
}

const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);
const along = (from, to, share) => [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];

/** A smooth path through `points` ({x, y, row}). Where the row changes it goes round, between the rows. */
export function smooth(points, rows, origin, lane) {
  let path = `M${near(points[0].x)} ${near(points[0].y)}`;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (rows && a.row !== b.row) path += aroundRows(a, b, rows, origin, lane % LANES);
    else path += eased(a, b);
  }
  return path;
}

function eased(a, b) {
  if (Math.abs(b.y - a.y) < 0.6) return `L${near(b.x)} ${near(b.y)}`;
  const pull = Math.min(60, Math.max(8, (b.x - a.x) / 2));
  return `C${near(a.x + pull)} ${near(a.y)} ${near(b.x - pull)} ${near(b.y)} ${near(b.x)} ${near(b.y)}`;
}

function aroundRows(a, b, rows, origin, lane) {
  const [upper, lower] = [rows[a.row], rows[b.row]];
  const right = origin.x + upper.right + 10 + 4 * lane;
  const between = origin.y + upper.bottom + 16 + 7 * lane;
  const left = origin.x + lower.left - 8 - 3 * lane;
  const course = [[a.x, a.y], [right, a.y], [right, between], [left, between], [left, b.y], [b.x, b.y]];
  return cornered(course).replace(/^M[^LQ]*/, "");
}
