/**
 * The pane "Details": all that is known of the chosen op, leaf, group or line.
 */

import { called, items, makers, ops, tensors } from "./data.js";
import { html, link, math, svg } from "./dom.js";
import { barred, formula, matrix, nameOf } from "./formulas.js";
import { inside } from "./groups.js";
import { leafTable } from "./leaftable.js";
import { count, listed, many, number, shapeText, statistics } from "./numbers.js";
import { goTo, toggle } from "./selection.js";
import { tensorView } from "./tensorview.js";

const title = (text, tone) => html("h3", { class: tone }, text);
const to = (id) => link(called(id), () => goTo(id));

function facts(pairs) {
  const known = pairs.filter(([, value]) => value);
  return html("dl", { class: "facts" }, known.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
}

/** A formula twice: with names, and, when asked for, with numbers put in. */
function both(index, names, numbers, before) {
  return [
    html("div", { class: "formula" }, formula(index, names, before(false))),
    html("details", {}, html("summary", {}, "with numbers put in"),
      html("div", { class: "formula numbers" }, formula(index, numbers, before(true)))),
  ];
}

/** The norm of a tensor that is more than one number. */
function norm(tensor) {
  const found = tensor.shape.length ? statistics(tensor)?.norm : undefined;
  return found === undefined || found === null ? "" : `  ‖·‖ ${number(found)}`;
}

function sum(arrivals) {
  return (arrivals || []).map(({ sender, share, k, of }) =>
    html("div", { class: "share" }, of > 1 ? `${k} of ${of}, from ` : "from ", to(sender),
      html("span", { class: "gradient" }, `  ${listed(tensors[share])}${norm(tensors[share])}`)),
  );
}

/** What moved since the record that this one is compared with. */
const changed = ({ changes }) =>
  changes ? html("div", { class: "card" }, html("b", {}, "Compared with before"), changes.map((line) => html("div", {}, line))) : null;

function opDetails(op) {
  const byName = new Map(op.operands.map((operand) => [operand.parameter, operand]));
  const gradient = op.gradients.find(Boolean);
  const names = (name) => (byName.has(name) ? nameOf(tensors[byName.get(name).tensor].name) : name === "out" ? nameOf(op.name) : null);
  const numbers = (name) => {
    const tensor = byName.has(name) ? byName.get(name).tensor : { out: op.outputs[0], g: gradient }[name];
    return tensor ? matrix(tensors[tensor]) : null;
  };
  const result = (asNumbers) => [(asNumbers && matrix(tensors[op.outputs[0]])) || nameOf(op.name), math("mo", {}, "=")];
  const sends = op.operands.filter((operand) => operand.share);
  return [
    html("h2", {}, `#${op.number} ${op.label}`),
    op.sentence ? html("p", {}, op.sentence) : null,
    changed(op),
    facts([
      ["module", op.scope],
      ["step", op.step ? `${op.step} of ${ops.filter((each) => each.step).length} in backward` : "not reached by backward"],
      ["saves", op.saved.join(", ")],
      ["arguments", op.arguments.map(([name, value]) => `${name}=${value}`).join(", ")],
    ]),
    op.source ? html("pre", { title: `${op.source[0]}:${op.source[1]}` }, `${op.source[0].split("/").at(-1)}:${op.source[1]}\n${op.source[2].trim()}`) : null,
    op.formula === undefined ? null : [title("Computes"), both(op.formula, names, numbers, result)],
    title("Value", "value"), op.outputs.map((output) => tensorView(output, "value")),
    gradient ? [
      title(op.arrivals?.length > 1 ? `Gradient g, the sum of ${op.arrivals.length} shares` : "Gradient g", "gradient"),
      tensorView(gradient, "gradient"), sum(op.arrivals),
    ] : null,
    sends.length ? [title("Sends"), sends.map((operand) => sent(op, operand, names, numbers))] : null,
    title("Reads"), op.operands.map(read),
  ];
}

function sent(op, operand, names, numbers) {
  const rule = op.rules[operand.slot];
  const target = () => [barred(nameOf(tensors[operand.tensor].name)), math("mo", {}, operand.arrivals > 1 ? "+=" : "=")];
  const summed = operand.summed.length ? html("span", { class: "muted" }, ` summed over axis ${operand.summed.join(", ")}`) : null;
  return html(
    "div", { class: "share" }, "to ", to(operand.receiver), summed,
    rule === undefined ? null : shownRule(op, operand, both(rule, names, numbers, target)),
    tensorView(operand.share, "gradient", { brief: true }),
  );
}

/** A rule is shown where it gives the recorded share with the recorded numbers; elsewhere the op is described. */
const shownRule = (op, operand, shown) => (operand.holds ? shown : html("p", {}, op.sentence || "not a formula here"));

function read(operand) {
  const tensor = tensors[operand.tensor];
  const maker = makers.get(operand.tensor);
  return html("div", {}, `${operand.parameter}: `, maker ? link(tensor.name, () => goTo(maker.id)) : tensor.name,
    html("span", { class: "muted" }, `  ${shapeText(tensor)}`));
}

function leafDetails(leaf) {
  const constant = leaf.kind === "constant";
  const several = leaf.arrivals?.length > 1 ? `, the sum of ${leaf.arrivals.length} shares` : "";
  const gradient = leaf.gradientTensor
    ? tensorView(leaf.gradientTensor, "gradient")
    : html("p", { class: "nonfinite" }, leaf.reason || "none: no gradient reached it");
  return [
    html("h2", {}, leaf.title),
    html("div", { class: "muted" }, constant ? "constant: no gradient is wanted" : "leaf"),
    changed(leaf),
    title("Value", "value"), tensorView(leaf.tensor, "value"),
    constant ? null : [title(`Gradient${several}`, "gradient"), gradient, sum(leaf.arrivals)],
  ];
}

function groupDetails(group) {
  const inner = inside(group).filter((item) => item.kind === "leaf");
  return [
    html("h2", {}, group.path),
    html("p", { class: "muted" }, `${many(group.ops, "op")}, ${inner.length === 1 ? "1 leaf" : `${inner.length} leaves`}, ${count(group.parameters)} numbers`),
    html("button", { type: "button", onclick: () => toggle(group) }, group.open ? "Close" : "Open"),
    inner.length ? [title("Leaves inside"), leafTable(inner)] : null,
  ];
}

function lineDetails(line) {
  const reader = items.get(line.to);
  const operand = reader.operands.find((each) => each.slot === line.slot);
  return [
    html("h2", {}, `${called(line.from)} → ${called(line.to)}`),
    html("p", {}, "From ", to(line.from), " to ", to(line.to), `, operand ${operand.parameter}`),
    title("Value on its way", "value"), tensorView(operand.tensor, "value"),
    title("Share of gradient on its way back", "gradient"),
    operand.share ? tensorView(operand.share, "gradient") : html("p", { class: "muted" }, "no gradient goes this way"),
  ];
}

const keys = [
  ["← →", "step"], ["space", "play or pause"], ["home, end", "first and last step"], ["/", "find"],
  ["g", "colour by ‖grad‖"], ["r", "leave out reshapes"], ["t", "dark or light"], ["0  + −", "show all, zoom"], ["tab, arrows", "walk the graph; enter opens"],
];

const marks = [
  ["value-line", "a value on its way to what reads it"],
  ["gradient-line", "a share of gradient on its way back"],
  ["value-line bad", "it holds NaN or infinity"],
];

function legend() {
  const lines = marks.map(([name, words]) => [
    html("dt", {}, svg("svg", { width: 44, height: 10, "aria-hidden": "true" }, svg("path", { class: name, d: "M2 5H42" }))),
    html("dd", {}, words),
  ]);
  const signs = [["Σ 2/2", "shares of gradient summed, of how many", "done"], ["‖grad‖", "size of the gradient: √(g₁² + g₂² + …)", "gradient"]];
  return html("dl", { class: "facts" }, lines.flat(),
    signs.flatMap(([sign, words, tone]) => [html("dt", { class: tone }, sign), html("dd", {}, words)]));
}

/** The details of a thing; without one, how to read and use the page. */
export function detailsOf(thing) {
  if (!thing) {
    return [html("h2", {}, "How to read it"), html("p", { class: "muted" }, "Click an op or a leaf to see its value, gradient, shares and rules. Point at a line to see what runs along it."),
      title("What it shows"), legend(), title("Keys"), facts(keys)];
  }
  if (thing.isGroup) return groupDetails(thing);
  if (thing.kind === "op") return opDetails(thing);
  return thing.kind ? leafDetails(thing) : lineDetails(thing);
}
