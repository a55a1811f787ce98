/**
 * Makes elements. Text always becomes a text node, so the names in a record can never turn into markup.
 */

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element; attributes that begin with "on" are event handlers. */
export const html = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);

/** An SVG element. */
export const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

/** A MathML element. */
export const math = (tag, attributes, ...children) =>
  filled(document.createElementNS(MATHML, tag), attributes, children);

/** A button that looks like a link. */
export const link = (text, onclick) => html("button", { class: "link", type: "button", onclick }, text);

/** Puts a class on an element, or takes it off; nothing happens where there is no element. */
export function mark(element, name, on) {
  if (element) element.classList.toggle(name, on);
}
