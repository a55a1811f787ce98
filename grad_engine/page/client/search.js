/**
 * Find: marks what fits, and goes from hit to hit with Enter, opening the groups around them.
 */

import { data } from "./data.js";
import { byId, mark } from "./dom.js";
import { when } from "./events.js";
import { groups, keyOf, standIn } from "./groups.js";
import { showHits, showPane } from "./panes.js";
import { drawn } from "./picture.js";
import { choose } from "./selection.js";

const field = byId("find");
const state = { hits: [], at: -1 };

const texts = new Map(
  data.items.map((item) => [
    item,
    [item.op, item.label, item.name, item.title, item.kind === "op" ? `#${item.number}` : "", item.scope, item.source?.[2]]
      .join(" ")
      .toLowerCase(),
  ]),
);

function find() {
  const wanted = field.value.trim().toLowerCase();
  const searched = byId("hits").textContent !== "";
  state.hits = wanted ? data.items.filter((item) => texts.get(item).includes(wanted)) : [];
  state.at = -1;
  byId("hits").textContent = wanted ? String(state.hits.length) : "";
  if (wanted) showHits(state.hits, wanted);
  else if (searched) showPane("details", { open: false });
  dim();
}

function dim() {
  const wanted = field.value.trim();
  const fitting = new Set(state.hits.map((item) => keyOf(standIn(item.id))));
  const open = new Set([...groups.values()].filter((group) => group.open).map(keyOf));
  for (const [key, element] of drawn) mark(element, "dimmed", Boolean(wanted) && !fitting.has(key) && !open.has(key));
}

field.addEventListener("input", find);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && state.hits.length) {
    const count = state.hits.length;
    state.at = (state.at + (event.shiftKey ? -1 : 1) + count) % count;
    if (state.at < 0) state.at = count - 1;
    choose(state.hits[state.at], { reveal: true });
    byId("hits").textContent = `${state.at + 1} of ${count}`;
  }
  if (event.key === "Escape") {
    field.value = "";
    find();
    field.blur();
  }
});
when("drawn", dim);
