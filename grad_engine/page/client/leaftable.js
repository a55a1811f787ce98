/**
 * Leaves as a table that can be sorted by each of its columns.
 */

import { tensors } from "./data.js";
import { html, link } from "./dom.js";
import { number, shapeText, sizeOf } from "./numbers.js";
import { goTo } from "./selection.js";
import { shortened } from "./shapes.js";

const MOST = 400; // rows
const LONGEST = 30; // characters of a name
const COLUMNS = [["title", "name"], ["count", "shape"], ["size", "‖grad‖"], ["shares", "shares"]];
const order = { column: "size", direction: -1 }; // kept while the page is open

/** A table of these leaves. */
export function leafTable(leaves) {
  const rows = leaves.map((leaf) => ({
    leaf, title: leaf.title, shape: shapeText(tensors[leaf.tensor]), count: sizeOf(tensors[leaf.tensor].shape),
    size: leaf.size ?? null, shares: (leaf.arrivals || []).length,
  }));
  const table = html("div", {});
  const sort = (column) => {
    order.direction = order.column === column ? -order.direction : column === "title" ? 1 : -1;
    order.column = column;
    fill();
  };
  function fill() {
    rows.sort((a, b) => compare(rank(a), rank(b)) * order.direction);
    const more = rows.length - MOST;
    table.replaceChildren(
      html("table", {},
        html("thead", {}, html("tr", {}, COLUMNS.map(([column, text]) => head(column, text, sort)))),
        html("tbody", {}, rows.slice(0, MOST).map(row))),
      ...(more > 0 ? [html("p", { class: "muted" }, `and ${more} more`)] : []),
    );
  }
  fill();
  return table;
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** What a row is sorted by: no gradient comes below every number, NaN above. */
function rank(row) {
  const value = row[order.column];
  if (order.column === "title") return value;
  return value === null ? -Infinity : typeof value === "number" ? value : Infinity;
}

function head(column, text, sort) {
  const active = order.column === column;
  const arrow = active ? (order.direction > 0 ? " ▲" : " ▼") : "";
  const sorted = active ? (order.direction > 0 ? "ascending" : "descending") : null;
  return html("th", { "aria-sort": sorted }, html("button", { type: "button", onclick: () => sort(column) }, text + arrow));
}

function row({ leaf, title, shape, size, shares }) {
  const tone = typeof size === "number" ? "gradient" : "nonfinite";
  return html("tr", {},
    html("td", {}, link(shortened(title, LONGEST), () => goTo(leaf.id))),
    html("td", {}, shape),
    html("td", { class: `right ${tone}` }, size === null ? "none" : number(size)),
    html("td", { class: "right" }, String(shares)));
}
