/**
 * One op, leaf, constant or group as an SVG element. Texts and sizes were worked out by the writer (`payload.py`).
 */

import { data } from "./data.js";
import { svg } from "./dom.js";
import { HEAD } from "./layout.js";
import { count, many, number } from "./numbers.js";

const LONGEST_NAME = 18; // characters on a card
const LONGEST_TITLE = 24;
const PER_LETTER = 7.4; // width of a letter in a badge

/** A name that is cut keeps its end, which tells tensors of a model apart. */
export const shortened = (name, most) => (name.length > most ? `…${name.slice(1 - most)}` : name);

function lineOfText(y, kind, ...parts) {
  const text = svg("text", { y, class: kind });
  for (const [words, style] of parts) {
    if (words) text.append(svg("tspan", { class: style, dx: text.childNodes.length ? 6 : null }, words));
  }
  return text;
}

/**
 * Gives an element its name for screen readers: what it is, and then what is written on it. What can be read on a thing
 * has to be part of its name, so that it can be asked for by voice.
 */
function named(element, what) {
  for (const text of element.querySelectorAll("text, tspan")) text.append(" "); // so that words stay apart
  element.setAttribute("aria-label", `${what}: ${element.textContent.replace(/\s+/g, " ").trim()}`);
  return element;
}

/** An op, leaf or constant whose middle is at (x, y). */
export function itemShape(item, x, y) {
  const place = `translate(${x.toFixed(1)} ${y.toFixed(1)})`;
  const element = svg("g", {
    class: `thing ${item.kind} ${item.changes ? "changed" : ""}`, transform: place, tabindex: -1, role: "button",
    "data-item": item.id,
  });
  const half = item.body / 2;
  const text = svg("g", { class: "text" });
  element.append(svg("path", { class: "shape", d: data.shapes[item.shape] }));
  if (item.kind === "leaf") {
    element.append(svg("path", { class: "middle", d: `M${-item.glyph / 2} 0H${item.glyph / 2}` }));
    const name = shortened(item.title, LONGEST_NAME);
    text.append(lineOfText(5 - half / 2, "name", [name], [item.value, "size"]));
    text.append(lineOfText(5 + half / 2, "gradient", [item.gradient], [item.sum, "sum"]));
  } else if (item.kind === "constant") {
    text.append(lineOfText(5, "name", [item.name], [item.value, "size"]));
  } else {
    const [sign, ...small] = item.symbol;
    text.append(lineOfText(7 - 9 * small.length, "sign", [sign]));
    small.forEach((words, i) => text.append(lineOfText(14 + 13 * i, "small", [words])));
    text.append(lineOfText(-half - 9, "name", [item.name], [item.value, "size"]));
    text.append(lineOfText(half + 18, "gradient", [item.gradient], [item.sum, "sum"]));
    item.ports.forEach((port, i) => {
      const y = item.body * ((i + 1) / (item.ports.length + 1) - 0.5) + 4;
      text.append(svg("text", { class: "port", x: 7 - item.glyph / 2, y }, port));
    });
  }
  element.append(text);
  if (item.changes) element.append(svg("text", { class: "delta", x: item.glyph / 2 + 2, y: -half - 2 }, "Δ"));
  if (item.badge) element.append(badge(item.badge, 0, item.kind === "op" ? -half - 32 : -half - 12, item.badgeOfGradient));
  const what = { op: `#${item.number} ${item.op}`, leaf: `leaf ${item.title}`, constant: `constant ${item.title}` };
  return named(element, `${what[item.kind]}${item.changes ? ", changed" : ""}`);
}

/** NaN or infinity as a boxed word; `late` where it is the gradient's, and not to be seen before there is one. */
function badge(words, x, y, late = false) {
  const width = words.length * PER_LETTER + 18;
  return svg(
    "g", { class: late ? "badge late" : "badge", transform: `translate(${x} ${y})` },
    svg("rect", { x: -width / 2, y: -9, width, height: 18, rx: 4 }), svg("text", { y: 5 }, words),
  );
}

/** A group whose top left corner is at (x, y): open, with its title on top, or closed, with its counts. */
export function groupShape(group, x, y, width, height) {
  const repeated = group.times > 1 ? ` ×${group.times}` : "";
  const title = `${shortened(group.label, LONGEST_TITLE)}${repeated}`;
  const gradient = group.largest === null ? null : `‖grad‖ ≤ ${number(group.largest, 3)}`;
  const element = svg("g", {
    class: `thing group ${group.open ? "open" : "closed"}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    tabindex: -1, role: "button", "aria-expanded": String(group.open), "data-group": group.id,
  });
  const what = `module ${group.path}`;
  const frame = svg("rect", { class: "shape", width, height, rx: 9 });
  if (group.open) {
    const strip = svg("rect", { class: "strip", width, height: HEAD - 4, rx: 9 });
    element.append(frame, strip, svg("g", { class: "text" }, svg("text", { class: "title", x: 12, y: 20 }, `⊟ ${title}`)));
    return named(element, what);
  }
  const facts = [many(group.ops, "op"), group.leaves ? `${count(group.parameters)} params` : null].filter(Boolean).join(" · ");
  element.append(svg("rect", { class: "pile", x: 5, y: -5, width, height, rx: 9 }), frame);
  element.append(svg(
    "g", { class: "text" },
    svg("text", { class: "title", x: width / 2, y: 24 }, title),
    svg("text", { class: "small", x: width / 2, y: 43 }, facts),
    gradient && svg("text", { class: "gradient", x: width / 2, y: 63 }, gradient),
  ));
  if (group.changed) element.append(svg("text", { class: "delta", x: width - 14, y: 18 }, "Δ"));
  if (group.bad) element.append(badge(`NaN or ∞ in ${group.bad}`, width / 2, height - 14, !group.badValues));
  return named(element, what);
}
