/**
 * Formulas in MathML. The writer sends each distinct formula once, as a template whose names are left open
 * (`<mi data-name="x">`); names or numbers are put in here, as text nodes.
 */

import { data } from "./data.js";
import { math } from "./dom.js";
import { entries, entryText } from "./numbers.js";

const parsed = [];

function template(index) {
  if (!parsed[index]) {
    const source = `<math xmlns="http://www.w3.org/1998/Math/MathML">${data.formulas[index]}</math>`;
    parsed[index] = new DOMParser().parseFromString(source, "application/xml").documentElement;
  }
  return document.importNode(parsed[index], true);
}

const upright = (text) => math("mi", { mathvariant: "normal" }, text);

/** A tensor's name: x3 as an x with index 3, a word as a word. */
export function nameOf(text) {
  const indexed = /^(\p{L})_?(\d+)$/u.exec(text);
  if (indexed) return math("msub", {}, upright(indexed[1]), math("mn", {}, indexed[2]));
  return /^\p{L}$/u.test(text) ? upright(text) : math("mtext", {}, text);
}

/** The sign of a gradient: a bar over the name of what it belongs to. */
export const barred = (node) => math("mrow", { class: "bar" }, node);

/** A formula; `fill` gives the node for a name, or null to write the name itself. `before` stands in front. */
export function formula(index, fill, before = []) {
  const whole = template(index);
  for (const place of whole.querySelectorAll("[data-name]")) {
    const name = place.getAttribute("data-name");
    place.replaceWith(fill(name) || nameOf(name));
  }
  whole.prepend(...before);
  return whole;
}

/** The entries of a tensor as a matrix of at most `mostRows` by `mostColumns` numbers; null where none is recorded. */
export function matrix(tensor, mostRows = 3, mostColumns = 4) {
  const found = entries(tensor);
  if (!found || !found.values.length) return null;
  const { shape, values } = found;
  if (!shape.length) return math("mn", {}, entryText(tensor, values[0]));
  const columns = shape.at(-1);
  const rows = shape.length > 1 ? shape.at(-2) : 1;
  const lines = [];
  for (let i = 0; i < Math.min(rows, mostRows); i++) {
    const row = [];
    for (let j = 0; j < Math.min(columns, mostColumns); j++) {
      row.push(math("mtd", {}, math("mn", {}, entryText(tensor, values[i * columns + j], 3))));
    }
    if (tensor.shape.at(-1) > mostColumns) row.push(math("mtd", {}, math("mo", {}, "⋯")));
    lines.push(math("mtr", {}, row));
  }
  const cutBelow = tensor.shape.length > 1 && tensor.shape.at(-2) > mostRows;
  if (cutBelow || tensor.shape.length > 2) lines.push(math("mtr", {}, math("mtd", {}, math("mo", {}, "⋮"))));
  return math("mtable", { class: "matrix" }, lines);
}

/** A matrix as a formula of its own. */
export function matrixAlone(tensor, mostRows, mostColumns) {
  const table = matrix(tensor, mostRows, mostColumns);
  return table && math("math", {}, table);
}
