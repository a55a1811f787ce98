/**
 * Numbers and tensors as text. `number` follows `grad_engine.formula.number`; a test compares the two.
 */

/** A number with at most `digits` significant digits, a true minus, and words where there is no number. */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number") return String(value);
  if (value === 0) return Object.is(value, -0) ? "−0" : "0";
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  let text;
  if (exponent < -4 || exponent >= digits) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    text = `${trimmed(mantissa)}e${power.replace("+", "")}`;
  } else {
    text = trimmed(value.toFixed(Math.max(0, digits - 1 - exponent)));
  }
  return text.replaceAll("-", "−");
}

const trimmed = (digits) => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);

/** An entry of a tensor as text: whole numbers in full where the tensor holds whole numbers. */
export const entryText = (tensor, value, digits = 4) =>
  typeof value === "number" && /int/.test(tensor.dtype) ? String(value).replace("-", "−") : number(value, digits);

/** A count with a unit: 950, 16.4 k, 2.1 M. */
export function count(value) {
  if (value < 1e4) return String(value);
  return value < 1e6 ? `${Number((value / 1e3).toPrecision(3))} k` : `${Number((value / 1e6).toPrecision(3))} M`;
}

/** 1 op, 2 ops. */
export const many = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** The shape of a tensor as text; "number" where it has no axes. */
export const shapeText = (tensor) => (tensor.shape.length ? tensor.shape.join("×") : "number");

/** How many elements a shape has. */
export const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);

/** The recorded entries of a tensor with their own shape: all of them, or a sample of its corners. */
export function entries(tensor) {
  if (!tensor) return null;
  if (tensor.values) return { shape: tensor.shape, values: tensor.values, whole: true };
  return tensor.sample ? { ...tensor.sample, whole: false } : null;
}

/** The first entries of a tensor on one line, "[[1  2  …] …]", or its shape where no entry is recorded. */
export function listed(tensor, mostRows = 2, mostColumns = 4) {
  const found = entries(tensor);
  if (!tensor) return "";
  if (!found) return shapeText(tensor);
  const { shape, values } = found;
  if (!shape.length || values.length === 1) return entryText(tensor, values[0]);
  if (!values.length) return "[]";
  const columns = shape.at(-1);
  const rows = shape.length > 1 ? shape.at(-2) : 1;
  const cut = tensor.shape.at(-1) > mostColumns ? "  …" : "";
  const lines = [];
  for (let i = 0; i < Math.min(rows, mostRows); i++) {
    const row = values.slice(i * columns, i * columns + Math.min(columns, mostColumns));
    lines.push(row.map((value) => entryText(tensor, value)).join("  ") + cut);
  }
  if (shape.length === 1) return `[${lines[0]}]`;
  const more = tensor.shape.length > 2 || tensor.shape.at(-2) > mostRows ? " …" : "";
  return `[${lines.map((line) => `[${line}]`).join(" ")}${more}]`;
}

/** Statistics of a tensor: the recorded ones, or worked out from its entries where all are recorded. */
export function statistics(tensor) {
  if (tensor.stats) return tensor.stats;
  if (!tensor.values || !tensor.values.length) return null;
  const finite = tensor.values.filter((value) => typeof value === "number");
  const nan = tensor.values.filter((value) => value === "NaN").length;
  const inf = tensor.values.length - finite.length - nan;
  if (!finite.length) return { nan, inf };
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const [min, max] = extent(finite);
  const std = Math.sqrt(squares / finite.length);
  return { min, max, mean, std, norm: Math.hypot(...finite), zeros: finite.filter((value) => !value).length, nan, inf };
}

/** The smallest and the largest of some numbers. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
