/**
 * The three panes beside the graph: details, leaves, findings.
 */

import { data, leaves, called, items } from "./data.js";
import { byId, html, link } from "./dom.js";
import { when } from "./events.js";
import { detailsOf } from "./details.js";
import { leafTable } from "./leaftable.js";
import { chosen, goTo } from "./selection.js";

const PANES = { details: () => detailsOf(chosen.thing), leaves: () => [leafTable(leaves)], findings: () => findings() };

const MOST_HITS = 100;

/** Shows a pane; on a phone it slides up. */
export function showPane(name, { open = true } = {}) {
  fill(name, PANES[name]());
  if (open) byId("side").classList.add("open");
}

function fill(name, parts) {
  for (const each of Object.keys(PANES)) byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
  const pane = byId("pane");
  pane.setAttribute("aria-labelledby", `tab-${name}`);
  pane.replaceChildren(...parts.flat(4).filter((part) => part !== null && part !== undefined));
  pane.scrollTop = 0;
}

/** Lists what a search found, as links, among the details. */
export function showHits(hits, wanted) {
  const more = hits.length - MOST_HITS;
  fill("details", [
    html("h2", {}, `${hits.length || "Nothing"} found for “${wanted}”`),
    html("ul", { class: "hits" }, hits.slice(0, MOST_HITS).map((item) =>
      html("li", {}, link(called(item.id), () => goTo(item.id)), item.scope ? html("span", { class: "muted" }, ` in ${item.scope}`) : null))),
    more > 0 ? html("p", { class: "muted" }, `and ${more} more`) : null,
  ]);
}

/** On a phone: the pane slides down again. */
export const closePane = () => byId("side").classList.remove("open");

/** What is worth knowing about the record, worked out by the writer. */
function findings() {
  if (!data.findings.length) return [html("p", { class: "muted" }, "Nothing stands out.")];
  return data.findings.map(({ tone, title, text, about }) => {
    const known = about.filter((id) => items.has(id));
    return html("div", { class: `card ${tone}` }, html("b", { class: tone }, title),
      known.map((id) => [" ", link(called(id), () => goTo(id))]), text ? html("div", { class: "muted" }, text) : null);
  });
}

for (const name of Object.keys(PANES)) byId(`tab-${name}`).addEventListener("click", () => showPane(name));
byId("tabs").addEventListener("keydown", (event) => {
  const names = Object.keys(PANES);
  const at = names.findIndex((name) => byId(`tab-${name}`) === document.activeElement);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (at < 0 || !step) return;
  const name = names[(at + step + names.length) % names.length];
  showPane(name);
  byId(`tab-${name}`).focus();
  event.preventDefault();
  event.stopPropagation();
});
byId("close").addEventListener("click", closePane);
when("select", () => showPane("details"));
when("theme", () => chosen.thing && showPane("details", { open: false }));
