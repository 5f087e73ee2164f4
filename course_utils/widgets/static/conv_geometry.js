// The arithmetic of conv2d, max_pool2d, avg_pool2d and conv_transpose2d on a grid: no page, no drawing.
// `settings` holds op; the pairs (height, width) size, kernel_size, stride, padding, dilation and output_padding;
// ceil_mode; and the numbers, image and weight, whose rows may go on beyond the size. A cell is [row, column].

export const LIMITS = { size: [1, 32], kernel_size: [1, 7], stride: [1, 8], padding: [0, 6], dilation: [1, 4],
  output_padding: [0, 7] };
/** What the formulas call each of them. */
export const LETTERS = { size: "n", kernel_size: "k", stride: "s", padding: "p", dilation: "d", output_padding: "o" };
// Cells along one side of a picture.
const LARGEST = 40;
export const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
export const isPool = (op) => op.endsWith("pool2d");
export const isTransposed = (op) => op === "conv_transpose2d";
export const takes = (op, name) => (name === "output_padding" ? isTransposed(op) : name !== "dilation" || op !== "avg_pool2d");

/** Height and width of the settings, each in the letters of the formulas. What the layer lacks is neutral. */
export function axes(settings) {
  const { op, ceil_mode } = settings;
  return [0, 1].map((a) => {
    const x = { op, ceil: isPool(op) && ceil_mode };
    for (const name in LETTERS) x[LETTERS[name]] = takes(op, name) ? settings[name][a] : LIMITS[name][0];
    return x;
  });
}

const reach = ({ k, d }) => d * (k - 1) + 1;

export function outputSize(x) {
  const { n, s, p, o } = x;
  if (isTransposed(x.op)) return (n - 1) * s - 2 * p + reach(x) + o;
  const steps = (n + 2 * p - reach(x)) / s;
  if (!x.ceil) return Math.floor(steps) + 1;
  const windows = Math.ceil(steps) + 1;
  // No window may start in the right padding.
  return (windows - 1) * s >= n + p ? windows - 1 : windows;
}

/** Where the padded input ends: with ceil_mode the last window may go on beyond the padding. */
export const paddedEnd = (x) => Math.max(x.n + x.p, (outputSize(x) - 1) * x.s - x.p + reach(x));

/** Why PyTorch would refuse this axis, or its picture would be too large, with the numbers; else null. */
export function fault(x, drawing = false) {
  const { op, n, k, s, p, d, o } = x;
  const out = outputSize(x);
  if (isPool(op) && p > k / 2) return `padding may be at most half the kernel: padding=${p} with kernel_size=${k}`;
  if (isTransposed(op) && o >= Math.max(s, d)) {
    return `output_padding must be below the stride or the dilation: output_padding=${o}, stride=${s}, dilation=${d}`;
  }
  if (out < 1) {
    return isTransposed(op) ? `nothing is left: ${sizeFormula(x)}` : `kernel_size=${k} with dilation=${d} reaches ${reach(x)}: ` +
      `larger than the padded input, which is ${n} + 2·${p} = ${n + 2 * p}`;
  }
  const cells = isTransposed(op) ? out + Math.max(2 * p, d * (k - 1)) : paddedEnd(x) + p;
  return drawing && cells > LARGEST ? `a picture of ${cells} cells is too large: at most ${LARGEST} along one side` : null;
}

// A convolution's output cell i looks, with tap t of its kernel, at input cell i·s − p + t·d. A transposed
// convolution's input cell i is spread, by tap t, to output cell i·s − p + t·d: the same links, followed backwards.
const along = ({ k, s, p, d }, i) => range(0, k).map((tap) => ({ at: i * s - p + tap * d, tap }));
const back = ({ k, s, p, d }, j) => range(0, k).map((tap) => ({ at: (j + p - tap * d) / s, tap }))
  .filter(({ at }) => Number.isInteger(at)).reverse();
const within = (links, end) => links.filter(({ at }) => at >= 0 && at < end);

/** The input cells that output cell i is made from, [{at, tap}]; up to `end`, the padding left out. */
export const inputsOf = (x, i) => within((isTransposed(x.op) ? back : along)(x, i), x.n);

/** The output cells that input cell j goes into, [{at, tap}]. */
export const outputsOf = (x, j) => within(spreadOf(x, j), outputSize(x));

/** The same, with the cells that a transposed convolution's padding cuts off. */
export const spreadOf = (x, j) => (isTransposed(x.op) ? along : back)(x, j);

/** The window of output cell i, cells of the padding too. Transposed: on the stretched input, the kernel turned. */
export function windowOf(x, i) {
  if (!isTransposed(x.op)) return along(x, i);
  return range(0, x.k).map((t) => ({ at: i + t * x.d - stretched(x).before, tap: x.k - 1 - t }));
}

/** Zero-insertion: how long the input is with s − 1 zeros between its cells, and how many go before and after. */
export function stretched(x) {
  const before = x.d * (x.k - 1) - x.p;
  return { length: (x.n - 1) * x.s + 1, before, after: before + x.o };
}

/** What becomes of cell j of the padded input: "" used, "discarded" by rounding down, or "skipped" by a step. */
export function fate(x, j) {
  if (outputsOf(x, j).length) return "";
  return isTransposed(x.op) || j >= (outputSize(x) - 1) * x.s - x.p + reach(x) ? "discarded" : "skipped";
}

/** All products of one output cell, [{at, x, w}], row by row. */
export function terms(settings, cell, [rows, columns] = axes(settings).map((x, a) => inputsOf(x, cell[a]))) {
  return rows.flatMap((r) => columns.map((c) => (
    { at: [r.at, c.at], x: settings.image[r.at][c.at], w: settings.weight[r.tap][c.tap] })));
}

// avg_pool2d divides by the cells of the window inside the padded input, zeros of the padding counted.
function divisor(settings, cell) {
  const [rows, columns] = axes(settings).map((x, a) => Math.min(x.k, x.n + 2 * x.p - cell[a] * x.s));
  return rows * columns;
}

export function value(settings, cell, parts = terms(settings, cell)) {
  if (settings.op === "max_pool2d") return Math.max(...parts.map(({ x }) => x));
  if (isPool(settings.op)) return parts.reduce((sum, { x }) => sum + x, 0) / divisor(settings, cell);
  return parts.reduce((sum, { x, w }) => sum + x * w, 0);
}

/** The whole output, as rows of numbers. */
export function output(settings) {
  const [rows, columns] = axes(settings).map((x) => range(0, outputSize(x)).map((i) => inputsOf(x, i)));
  return rows.map((ins, r) => columns.map((more, c) => value(settings, [r, c], terms(settings, [r, c], [ins, more]))));
}

/** A number in at most `digits` significant digits. */
export function show(number, digits = 7) {
  const short = Number.isFinite(number) ? String(Number(number.toPrecision(digits))) : "-∞";
  return short.replace("-", "−");
}

/** The size formula of one axis, worked with its numbers. */
export function sizeFormula(x) {
  const { n, k, s, p, d } = x;
  const out = outputSize(x);
  if (isTransposed(x.op)) return `(${n} − 1)·${s} − 2·${p} + ${d}·(${k} − 1) + ${x.o} + 1 = ${show(out)}`;
  const [left, right] = x.ceil ? "⌈⌉" : "⌊⌋";
  const top = n + 2 * p - reach(x);
  const windows = (x.ceil ? Math.ceil : Math.floor)(top / s) + 1;
  return `${left}(${n} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}${right} + 1 = ${left}${show(top)} / ${s}${right} + 1 = ` +
    windows + (windows > out ? `, less the one that would start in the padding: ${out}` : "");
}

/** How one output cell comes about, worked with its numbers. */
export function valueFormula(settings, cell) {
  const { op } = settings;
  const parts = terms(settings, cell);
  const signed = (number) => (number < 0 ? `(${show(number)})` : show(number));
  const each = parts.map(({ x, w }) => signed(x) + (isPool(op) ? "" : `·${signed(w)}`));
  const sum = op === "max_pool2d" ? `max(${each.join(", ")})` : each.join(" + ") || "0";
  const worked = op === "avg_pool2d" ? `(${sum}) / ${divisor(settings, cell)}` : sum;
  return `output[${cell.join(", ")}] = ${worked} = ${show(value(settings, cell, parts))}`;
}

/** The layer as a line of PyTorch. Arguments that have torch.nn's default are left out. */
export function nnLine(settings) {
  const { op } = settings;
  const short = ([height, width]) => (height === width ? String(height) : `(${height}, ${width})`);
  const usual = (name) => (name === "stride" && isPool(op) ? short(settings.kernel_size) : String(LIMITS[name][0]));
  const given = Object.keys(LIMITS).slice(1).filter((name) => takes(op, name))
    .filter((name) => name === "kernel_size" || short(settings[name]) !== usual(name))
    .map((name) => `${name}=${short(settings[name])}`);
  if (isPool(op) && settings.ceil_mode) given.push("ceil_mode=True");
  const name = op.replace(/(^|_)./g, (start) => start.at(-1).toUpperCase());
  return `nn.${name}(${(isPool(op) ? given : ["1", "1", ...given, "bias=False"]).join(", ")})`;
}

/** Every setting of one axis that makes `from` cells into `to`, the plainest first. */
export function settingsFor(op, from, to) {
  let found = [{ op, n: from, ceil: false }, { op, n: from, ceil: true }].slice(0, isPool(op) ? 2 : 1);
  for (const name of ["dilation", "output_padding", "kernel_size", "stride", "padding"]) {
    const [least, most] = LIMITS[name];
    const values = range(least, takes(op, name) ? most + 1 : least + 1);
    found = found.flatMap((x) => values.map((v) => ({ ...x, [LETTERS[name]]: v })));
  }
  return found.filter((x) => outputSize(x) === to && x.p <= x.d * (x.k - 1) && (x.k > 1 || x.d === 1) && !fault(x) &&
    // Where rounding up changes nothing, it is left off.
    !(x.ceil && outputSize({ ...x, ceil: false }) === to));
}
