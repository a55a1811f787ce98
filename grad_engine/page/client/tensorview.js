/**
 * A tensor in the details: its numbers, a heat map, a histogram and its statistics.
 */

import { tensors } from "./data.js";
import { html, svg } from "./dom.js";
import { matrixAlone } from "./formulas.js";
import { entries, entryText, extent, number, shapeText, statistics } from "./numbers.js";

const WIDTH = 340; // px
const TALLEST = 200; // px
const MOST_ROWS = 128; // of a heat map
const BARS = 24;
const FEWEST = 12; // entries; a histogram of fewer says nothing

/** Everything about a tensor; `brief` leaves out heat map and histogram. */
export function tensorView(id, tone, { brief = false } = {}) {
  const tensor = tensors[id];
  if (!tensor) return html("p", { class: "muted" }, "not recorded");
  const found = statistics(tensor);
  const numbers = matrixAlone(tensor, 4, 5);
  const sampled = !tensor.values && tensor.sample ? ", the corners" : "";
  return html(
    "div", {},
    html("div", { class: "muted" }, `${shapeText(tensor)} ${tensor.dtype}${sampled}`),
    numbers && html("div", { class: `formula numbers ${tone}` }, numbers),
    !brief && tensor.shape.length ? [heatMap(tensor), histogram(tensor)] : null,
    tensor.shape.length && found ? statisticsLine(found) : null,
  );
}

function statisticsLine(found) {
  const parts = found.min === undefined || found.min === null
    ? "" : `min ${number(found.min)}  max ${number(found.max)}  mean ${number(found.mean)}  ‖·‖ ${number(found.norm)}`;
  const bad = [found.nan && `NaN ${found.nan}`, found.inf && `∞ ${found.inf}`].filter(Boolean).join("  ");
  return html("div", { class: "muted" }, parts, bad ? html("span", { class: "nonfinite" }, `  ${bad}`) : null);
}

/** Blue below zero, orange above, as strong as the root of the size; NaN and infinity magenta. */
function heatMap(tensor) {
  const found = entries(tensor);
  if (!found || found.values.length < 2 || !found.shape.length) return null;
  const columns = found.shape.at(-1);
  const rows = Math.min(MOST_ROWS, found.values.length / columns);
  const pixel = Math.max(2, Math.min(22, Math.floor(WIDTH / columns), Math.floor(TALLEST / rows)));
  const what = found.whole ? "" : ", a sample of its corners";
  const canvas = html("canvas", { class: "heat", role: "img", "aria-label": `heat map of ${tensor.name}, ${shapeText(tensor)}${what}` });
  [canvas.width, canvas.height] = [columns, rows];
  [canvas.style.width, canvas.style.height] = [`${columns * pixel}px`, `${rows * pixel}px`];
  const light = getComputedStyle(document.documentElement).colorScheme === "light";
  const ground = light ? [250, 250, 250] : [26, 34, 51];
  const size = (value) => (typeof value === "number" ? Math.abs(value) : 0);
  const largest = found.values.reduce((most, value) => Math.max(most, size(value)), Number.MIN_VALUE);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    const value = found.values[i];
    const hue = typeof value !== "number" ? [255, 60, 180] : value < 0 ? [70, 150, 235] : [240, 150, 20];
    const strength = typeof value !== "number" ? 1 : Math.sqrt(size(value) / largest);
    image.data.set([...ground.map((part, k) => part + (hue[k] - part) * strength), 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    canvas.title = `[${row}, ${column}] ${entryText(tensor, found.values[row * columns + column])}`;
  });
  return canvas;
}

function bins(tensor) {
  if (tensor.histogram) return tensor.histogram;
  const values = (tensor.values || []).filter((value) => typeof value === "number");
  const [low, high] = extent(values);
  if (values.length < FEWEST || low === high) return null;
  const counts = Array(BARS).fill(0);
  for (const value of values) counts[Math.min(BARS - 1, Math.floor(((value - low) / (high - low)) * BARS))] += 1;
  return [low, high, counts];
}

function histogram(tensor) {
  const found = bins(tensor);
  if (!found) return null;
  const [low, high, counts] = found;
  const height = 54;
  const label = `histogram from ${number(low)} to ${number(high)}`;
  const picture = svg("svg", { width: WIDTH, height: height + 16, role: "img", "aria-label": label, class: "histogram" });
  const width = WIDTH / counts.length;
  const most = Math.max(...counts);
  counts.forEach((each, i) => {
    const tall = (height * each) / most;
    picture.append(svg("rect", { x: i * width, y: height - tall, width: width - 1, height: tall }, svg("title", {}, String(each))));
  });
  if (low < 0 && high > 0) picture.append(svg("path", { class: "zero", d: `M${(-low / (high - low)) * WIDTH} 0V${height}` }));
  picture.append(svg("text", { x: 0, y: height + 14, class: "small left" }, number(low)));
  picture.append(svg("text", { x: WIDTH, y: height + 14, class: "small right" }, number(high)));
  return picture;
}
