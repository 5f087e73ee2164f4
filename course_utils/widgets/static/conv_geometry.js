// The arithmetic of conv2d, max_pool2d, avg_pool2d and conv_transpose2d on a grid: no page, no drawing.
// `settings` holds, with torch.nn's names, op, size, kernel_size, stride, padding, dilation, output_padding (each
// a pair: height, width), ceil_mode, and the numbers in image and weight (rows that may go on beyond the size).

export const LIMITS = { size: [1, 32], kernel_size: [1, 7], stride: [1, 8], padding: [0, 6], dilation: [1, 4],
  output_padding: [0, 7] };
const LARGEST = 40; // cells along one side of a picture
const LAYERS = { conv2d: "Conv2d", max_pool2d: "MaxPool2d", avg_pool2d: "AvgPool2d", conv_transpose2d: "ConvTranspose2d" };
const ARGUMENTS = {
  conv2d: ["kernel_size", "stride", "padding", "dilation"],
  max_pool2d: ["kernel_size", "stride", "padding", "dilation", "ceil_mode"],
  avg_pool2d: ["kernel_size", "stride", "padding", "ceil_mode"],
  conv_transpose2d: ["kernel_size", "stride", "padding", "output_padding", "dilation"],
};
const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

export const isPool = (op) => op.endsWith("pool2d");
export const isTransposed = (op) => op === "conv_transpose2d";
export const takes = (op, name) => name === "size" || ARGUMENTS[op].includes(name);

/** One axis (0: height, 1: width) of the settings, in the letters of the formulas. What the layer lacks is neutral. */
export function axis(settings, a) {
  const { op } = settings;
  const get = (name, neutral) => (takes(op, name) ? settings[name][a] : neutral);
  return { op, n: settings.size[a], k: settings.kernel_size[a], s: settings.stride[a], p: settings.padding[a],
    d: get("dilation", 1), o: get("output_padding", 0), ceil: isPool(op) && settings.ceil_mode };
}

const reach = ({ k, d }) => d * (k - 1) + 1;

export function outputSize(x) {
  const { op, n, s, p, o, ceil } = x;
  if (isTransposed(op)) return (n - 1) * s - 2 * p + reach(x) + o;
  const steps = (n + 2 * p - reach(x)) / s;
  if (!ceil) return Math.floor(steps) + 1;
  const windows = Math.ceil(steps) + 1;
  return (windows - 1) * s >= n + p ? windows - 1 : windows; // no window may start in the right padding
}

/** Why PyTorch would refuse this axis, with the numbers; null if it would not. */
export function fault(x) {
  const { op, n, k, s, p, d, o, ceil } = x;
  const out = outputSize(x);
  if (isPool(op) && p > Math.floor(k / 2)) {
    return `padding may be at most half the kernel: padding=${p} with kernel_size=${k}`;
  }
  if (isTransposed(op)) {
    if (o >= s && o >= d) {
      return `output_padding must be below the stride or the dilation: output_padding=${o}, stride=${s}, dilation=${d}`;
    }
    return out < 1 ? `nothing is left: ${sizeFormula(x)}` : null;
  }
  if (ceil ? out < 1 : reach(x) > n + 2 * p) {
    const spread = d > 1 ? ` with dilation=${d} reaches ${reach(x)}` : "";
    return `kernel_size=${k}${spread}: larger than the padded input, which is ${n} + 2·${p} = ${n + 2 * p}`;
  }
  return null;
}

/** Why the picture of this axis has too many cells, or null. */
export function tooLarge(x) {
  const out = outputSize(x);
  const cells = isTransposed(x.op) ? out + Math.max(2 * x.p, x.d * (x.k - 1)) : Math.max(x.n + 2 * x.p, paddedEnd(x) + x.p);
  return cells > LARGEST ? `a picture of ${cells} cells is too large: at most ${LARGEST} along one side` : null;
}

/** Where the padded input ends: with ceil_mode the last window may go on beyond the padding. */
export const paddedEnd = (x) => Math.max(x.n + x.p, (outputSize(x) - 1) * x.s - x.p + reach(x));

// A convolution's output cell i looks, with tap t of its kernel, at input cell i·s − p + t·d. A transposed
// convolution's input cell i is spread, by tap t, to output cell i·s − p + t·d: the same links, followed backwards.
const along = ({ k, s, p, d }, i) => range(0, k).map((tap) => ({ at: i * s - p + tap * d, tap }));
const back = ({ k, s, p, d }, j) => range(0, k).map((tap) => ({ at: (j + p - tap * d) / s, tap }))
  .filter(({ at }) => Number.isInteger(at));

/** The input cells that output cell i is made from: [{at, tap}]. With padded, cells of the padding too. */
export function inputsOf(x, i, padded = false) {
  return (isTransposed(x.op) ? back : along)(x, i).filter(({ at }) => padded || (at >= 0 && at < x.n));
}

/** The output cells that input cell j goes into: [{at, tap}]. With cropped, cells that are cut off too. */
export function outputsOf(x, j, cropped = false) {
  const out = outputSize(x);
  return (isTransposed(x.op) ? along : back)(x, j).filter(({ at }) => cropped || (at >= 0 && at < out));
}

/** What happens to cell j of the padded input: "" it is used, "discarded" by rounding down, or "skipped" by a step. */
export function fate(x, j) {
  if (isTransposed(x.op)) return outputsOf(x, j).length ? "" : "discarded";
  if (outputsOf(x, j).length) return "";
  return j > (outputSize(x) - 1) * x.s - x.p + reach(x) - 1 ? "discarded" : "skipped";
}

/** Zero-insertion: how long the input is with s − 1 zeros between its cells, and how much is put around it. */
export function stretched(x) {
  const before = x.d * (x.k - 1) - x.p;
  return { length: (x.n - 1) * x.s + 1, before, after: before + x.o };
}

/** The window of output cell i on the stretched input: [{at, tap}]; the kernel is turned round. */
export function stretchedWindow(x, i) {
  return range(0, x.k).map((t) => ({ at: i + t * x.d - stretched(x).before, tap: x.k - 1 - t }));
}

/** All products of one output cell: [{row, column, x, w}], row by row. */
export function terms(settings, row, column) {
  const columns = inputsOf(axis(settings, 1), column);
  return inputsOf(axis(settings, 0), row).flatMap((r) => columns.map((c) => ({
    row: r.at, column: c.at, x: settings.image[r.at][c.at], w: settings.weight[r.tap][c.tap] })));
}

// avg_pool2d divides by the cells of the window inside the padded input, zeros of the padding counted.
function divisor(settings, row, column) {
  const cells = (x, i) => Math.min(i * x.s - x.p + x.k, x.n + x.p) - (i * x.s - x.p);
  return cells(axis(settings, 0), row) * cells(axis(settings, 1), column);
}

export function value(settings, row, column, parts = terms(settings, row, column)) {
  if (settings.op === "max_pool2d") return Math.max(...parts.map(({ x }) => x));
  if (isPool(settings.op)) return parts.reduce((sum, { x }) => sum + x, 0) / divisor(settings, row, column);
  return parts.reduce((sum, { x, w }) => sum + x * w, 0);
}

/** The whole output, as rows of numbers. */
export function output(settings) {
  const columns = range(0, outputSize(axis(settings, 1)));
  return range(0, outputSize(axis(settings, 0))).map((row) => columns.map((column) => value(settings, row, column)));
}

/** A number in at most `digits` significant digits. */
export function show(number, digits = 7) {
  const short = Number.isFinite(number) ? String(Number(number.toPrecision(digits))) : number > 0 ? "∞" : "-∞";
  return short.replace("-", "−");
}

/** The size formula of one axis, worked with its numbers. */
export function sizeFormula(x) {
  const { op, n, k, s, p, d, o, ceil } = x;
  const out = outputSize(x);
  if (isTransposed(op)) return `(${n} − 1)·${s} − 2·${p} + ${d}·(${k} − 1) + ${o} + 1 = ${show(out)}`;
  const [left, right] = ceil ? "⌈⌉" : "⌊⌋";
  const top = n + 2 * p - reach(x);
  const windows = (ceil ? Math.ceil : Math.floor)(top / s) + 1;
  const fewer = windows > out ? `; the last would start in the padding: ${out}` : "";
  return `${left}(${n} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}${right} + 1 = ` +
    `${left}${show(top)} / ${s}${right} + 1 = ${windows}${fewer}`;
}

/** How one output cell comes about, worked with its numbers. */
export function valueFormula(settings, row, column) {
  const parts = terms(settings, row, column);
  const result = show(value(settings, row, column, parts));
  const signed = (number) => (number < 0 ? `(${show(number)})` : show(number));
  const each = parts.map(({ x, w }) => (isPool(settings.op) ? signed(x) : `${signed(x)}·${signed(w)}`));
  const name = `output[${row}, ${column}] = `;
  if (settings.op === "max_pool2d") return each.length ? `${name}max(${each.join(", ")}) = ${result}` : name + result;
  const sum = each.join(" + ") || "0";
  return name + (isPool(settings.op) ? `(${sum}) / ${divisor(settings, row, column)}` : sum) + ` = ${result}`;
}

/** The layer as a line of PyTorch. Arguments that have torch.nn's default are left out. */
export function nnLine(settings) {
  const { op } = settings;
  const short = ([height, width]) => (height === width ? String(height) : `(${height}, ${width})`);
  const pool = isPool(op);
  const defaults = { stride: pool ? short(settings.kernel_size) : "1", padding: "0", dilation: "1", output_padding: "0" };
  const given = ARGUMENTS[op].filter((name) => name !== "ceil_mode").map((name) => [name, short(settings[name])])
    .filter(([name, text]) => text !== defaults[name]).map(([name, text]) => `${name}=${text}`);
  if (pool && settings.ceil_mode) given.push("ceil_mode=True");
  return `nn.${LAYERS[op]}(${(pool ? given : ["1", "1", ...given, "bias=False"]).join(", ")})`;
}

/** Every setting of one axis that makes `from` cells into `to`, the plainest first. */
export function settingsFor(op, from, to) {
  const all = (name, neutral) => (takes(op, name) ? range(LIMITS[name][0], LIMITS[name][1] + 1) : [neutral]);
  const found = [];
  for (const d of all("dilation", 1)) for (const o of all("output_padding", 0)) for (const k of all("kernel_size")) {
    if (k === 1 && d > 1) continue; // a single tap has nothing to spread
    for (const ceil of isPool(op) ? [false, true] : [false]) for (const s of all("stride")) for (const p of all("padding")) {
      const x = { op, n: from, k, s, p, d, o, ceil };
      if (outputSize(x) !== to || p > d * (k - 1) || fault(x)) continue;
      if (ceil && outputSize({ ...x, ceil: false }) === to) continue; // rounding up changes nothing
      found.push(x);
    }
  }
  return found;
}
