/**
 * Messages between the parts of the page, so that no part has to know who else is interested.
 *
 * "drawn": the picture was drawn anew. "camera": the view moved. "step": another step is shown.
 * "select": an item was chosen. "theme": dark became light, or light dark.
 */

const listeners = new Map();

/** Calls `listener` with what is sent under `name`. */
export function when(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

/** Sends a message to all who listen. */
export function send(name, ...details) {
  for (const listener of listeners.get(name) || []) listener(...details);
}
