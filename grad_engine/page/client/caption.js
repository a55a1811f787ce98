/**
 * The words of a step, below the graph: its rule, what it did with numbers, and remarks.
 */

import { beats, data, tensors } from "./data.js";
import { byId, html, link, math } from "./dom.js";
import { when } from "./events.js";
import { barred, formula, nameOf } from "./formulas.js";
import { inside } from "./groups.js";
import { listed, number, shapeText, statistics } from "./numbers.js";
import { toggle } from "./selection.js";
import { passedGroup, show, shown } from "./steps.js";

const BAR = /[\u0304\u0305]/;

/** Text in which a combining bar over letters becomes a line that every font draws. */
function overlined(text) {
  const parts = text.match(/(?:[^\u0304\u0305][\u0304\u0305])+|[^\u0304\u0305]+?(?=(?:[^\u0304\u0305][\u0304\u0305])|$)/gu) || [];
  return parts.map((part) =>
    BAR.test(part) ? html("span", { class: "over" }, part.replace(/[\u0304\u0305]/gu, "")) : part,
  );
}

function piece(part) {
  if (part.words !== undefined) {
    return html("span", { class: part.tone }, part.strong ? html("b", {}, part.words) : overlined(part.words), " ");
  }
  if (part.formula !== undefined) {
    const target = part.barred ? barred(nameOf(part.target)) : nameOf(part.target);
    const fill = (name) => nameOf(part.names[name] ?? name);
    return html("span", {}, formula(part.formula, fill, [target, math("mo", {}, part.relation)]), " ");
  }
  const label = part.label ? [overlined(part.label), " "] : [];
  return html("span", { class: `entries ${part.tone}` }, label, listed(tensors[part.tensor]), "\u2002");
}

function column({ rule, did, notes }) {
  const remarks = notes.map((note) => html("span", { class: `note ${note.tone || ""}` }, piece(note)));
  return html(
    "div", { class: "column" },
    html("div", { class: "rule" }, rule.map(piece), remarks), html("div", { class: "did" }, did.map(piece)),
  );
}

/** What a closed group did as a whole. */
function passedOver(group) {
  const forward = beats[shown.from].direction === "forward";
  const inner = inside(group);
  const ops = inner.filter((item) => item.kind === "op").length;
  const into = () => {
    const { from } = shown;
    toggle(group);
    show(from);
  };
  const [value, gradient] = [tensors[group.last?.outputs[0]], tensors[group.last?.gradients.find(Boolean)]];
  const largest = inner
    .filter((item) => item.kind === "leaf" && typeof item.size === "number")
    .reduce((best, item) => (best && best.size >= item.size ? best : item), null);
  const told = forward
    ? [value && html("span", { class: "value" }, `${value.name} ${shapeText(value)} = ${listed(value, 1)}`)]
    : [
        gradient && html("span", { class: "gradient" }, `g = ${listed(gradient, 1)} ‖g‖ ${number(statistics(gradient)?.norm)} `),
        largest && html("span", { class: "gradient" }, `largest at the leaf ${largest.title}: ‖grad‖ ${number(largest.size)}`),
      ];
  return html(
    "div", { class: "column" },
    html(
      "div", { class: "rule" }, html("b", {}, group.path),
      ` ${ops === 1 ? "1 op" : `${ops} ops`} ${forward ? "compute" : "run their rules"} `,
      html("span", { class: "note muted" }, `steps ${shown.from + 1} to ${shown.to + 1}, told as one while it is closed `),
      link("step into it", into),
    ),
    html("div", { class: "did" }, told),
  );
}

function write() {
  const group = passedGroup();
  const columns = group ? [passedOver(group)] : beats[shown.step].columns.map(column);
  byId("caption").replaceChildren(...columns);
}

when("step", write);
byId("title").textContent = data.title;
byId("headline").textContent = [data.headline !== data.title && data.headline, data.size].filter(Boolean).join("  ·  ");
