/**
 * What the page shows: written by `payload.py` into the page, as JSON or as JSON compressed with zlib.
 */

import { byId } from "./dom.js";

async function read() {
  const script = byId("data");
  if (script.dataset.kind === "json") return JSON.parse(script.textContent);
  const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

export const data = await read();
export const { tensors, beats, links } = data;
export const items = new Map(data.items.map((item) => [item.id, item]));
export const ops = data.items.filter((item) => item.kind === "op");
export const leaves = data.items.filter((item) => item.kind === "leaf");

/** The item that made a tensor, or that is one. */
export const makers = new Map();
for (const item of data.items) for (const tensor of item.outputs || [item.tensor]) makers.set(tensor, item);

/** How an item is called in running text: "#3 matmul", "x1". */
export function called(id) {
  const item = items.get(id);
  if (!item) return id;
  return item.kind === "op" ? `#${item.number} ${item.op}` : item.title || item.name || item.id;
}
