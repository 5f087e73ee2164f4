// ConvExplorer: the grids, and what mouse and keyboard do with them. All arithmetic is in conv_geometry.js.

import { field, h, liveLine, listen, whenResting } from "./common.js";
import {
  LIMITS, axis, fate, fault, inputsOf, isPool, isTransposed, nnLine, output, outputSize, outputsOf, paddedEnd,
  settingsFor, show, sizeFormula, stretched, stretchedWindow, takes, terms, tooLarge, value, valueFormula,
} from "./conv_geometry.js";

const OPS = ["conv2d", "max_pool2d", "avg_pool2d", "conv_transpose2d"];
const PAIRS = Object.keys(LIMITS);
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const HELP = {
  input: "Arrow keys choose a cell, typing changes its number.",
  kernel: "Arrow keys choose a weight, typing changes it.",
};
const WINDOW_HELP = "Arrow keys move the window.";
const copyOf = (value) => JSON.parse(JSON.stringify(value));
const taps = (links) => new Map(links.map(({ at, tap }) => [at, tap]));
const clamp = (number, least, most) => Math.max(least, Math.min(most, number));
const cellText = (number) => (Math.abs(number) >= 100 ? show(Math.round(number)) : show(number, 3));
const times = (x, y) => `${x}×${y}`;

/** The inside of one grid's SVG: rows and columns are [from, to); text, note and kind describe a cell. */
function drawn({ rows, columns, size, text, note, kind, frame }) {
  const [width, height] = [(columns[1] - columns[0]) * size, (rows[1] - rows[0]) * size];
  const box = (r, c, high, wide) => `x="${(c - columns[0]) * size + 0.5}" y="${(r - rows[0]) * size + 0.5}" ` +
    `width="${wide * size}" height="${high * size}"`;
  let [fills, hatch, words, lines] = ["", "", "", ""];
  for (let r = rows[0]; r <= rows[1]; r += 1) lines += `M0.5 ${(r - rows[0]) * size + 0.5}h${width}`;
  for (let c = columns[0]; c <= columns[1]; c += 1) lines += `M${(c - columns[0]) * size + 0.5} 0.5v${height}`;
  for (let r = rows[0]; r < rows[1]; r += 1) for (let c = columns[0]; c < columns[1]; c += 1) {
    const [x, y, kinds] = [(c - columns[0]) * size, (r - rows[0]) * size, kind(r, c)];
    if (kinds) fills += `<rect class="${kinds}" ${box(r, c, 1, 1)}/>`;
    if (/discarded|cropped/.test(kinds)) {
      for (const part of [0.33, 0.66, 1]) hatch += `M${x} ${y + size * part}l${size * part} ${-size * part}`;
      for (const part of [0.33, 0.66]) hatch += `M${x + size * part} ${y + size}l${size * (1 - part)} ${-size * (1 - part)}`;
    }
    if (size < 26) continue;
    const below = note ? note(r, c) : "";
    words += `<text class="${kinds}" x="${x + size / 2}" y="${y + size / 2 + (below ? -1 : 5)}">${text(r, c)}</text>`;
    if (below) words += `<text class="note" x="${x + size / 2}" y="${y + size - 4}">${below}</text>`;
  }
  const window = frame ? `<rect class="frame" ${box(...frame)}/>` : "";
  return { width: width + 1, height: height + 1,
    inside: `${fills}<path class="hatch" d="${hatch}"/><path class="lines" d="${lines}"/>${window}${words}` };
}

function render({ model, el }) {
  let state = copyOf(model.get("state")); // what is set, right or wrong
  let good = state; // what is drawn: the last settings that fit
  let values = output(good);
  let look = null; // the cell under the mouse or the cursor, {where: "input" or "output", row, column}
  let [waiting, again, slow] = [0, false, 0];
  const cursors = { input: [0, 0], kernel: [0, 0] };
  const axes = () => [axis(good, 0), axis(good, 1)];
  const outs = () => axes().map(outputSize);

  // ---- the grids
  const grids = {};
  function grid(name) {
    const svg = h("svg", { role: "img", tabindex: "0", "data-grid": name });
    const caption = h("div", { class: "conv-caption" });
    grids[name] = { svg, caption, root: h("div", { class: "conv-grid" }, caption, svg) };
    let dragging = false;
    const cellAt = (event) => {
      const [{ left, top }, { rows, columns, size }] = [svg.getBoundingClientRect(), grids[name]];
      return [Math.floor((event.clientY - top) / size) + rows[0], Math.floor((event.clientX - left) / size) + columns[0]];
    };
    svg.addEventListener("pointerdown", (event) => {
      dragging = true;
      svg.setPointerCapture(event.pointerId);
      const cell = cellAt(event);
      if (name in cursors && inGrid(name, ...cell)) cursors[name] = cell;
      drag(name, ...cell);
    });
    svg.addEventListener("pointermove", (event) => (dragging ? drag : hover)(name, ...cellAt(event)));
    svg.addEventListener("pointerup", () => { dragging = false; });
    svg.addEventListener("pointercancel", () => { dragging = false; });
    svg.addEventListener("pointerleave", () => lookAt(null));
    svg.addEventListener("dblclick", (event) => edit(name, ...cellAt(event)));
    svg.addEventListener("focus", () => svg.matches(":focus-visible") && name in cursors && hover(name, ...cursors[name]));
    svg.addEventListener("blur", () => lookAt(null));
    svg.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const step = ARROWS[event.key];
      if (!step && !(name in cursors && /^([-−.\d]|Enter|F2)$/.test(event.key))) return;
      event.preventDefault();
      if (!step) edit(name, ...cursors[name], event.key.length === 1 ? event.key : null);
      else if (name in cursors) {
        const size = name === "input" ? good.size : good.kernel_size;
        cursors[name] = cursors[name].map((at, a) => clamp(at + step[a], 0, size[a] - 1));
        hover(name, ...cursors[name]);
      } else moveTo(...state.cell.map((at, a) => at + step[a]));
    });
    return grids[name].root;
  }
  const inGrid = (name, r, c) => {
    const [rows, columns] = name === "input" ? good.size : name === "kernel" ? good.kernel_size : outs();
    return r >= 0 && c >= 0 && r < rows && c < columns;
  };

  function hover(name, row, column) {
    let where = name;
    if (name === "canvas") where = "output";
    if (name === "stretched") {
      where = "input";
      [row, column] = [row / good.stride[0], column / good.stride[1]];
      if (!Number.isInteger(row) || !Number.isInteger(column)) return lookAt(null);
    }
    lookAt(name === "turned" || !inGrid(where, row, column) ? null : { where, row, column });
  }
  function lookAt(next) {
    if (JSON.stringify(next) === JSON.stringify(look)) return;
    look = next;
    draw();
  }
  function drag(name, row, column) {
    if (name === "kernel" || name === "turned") return hover(name, row, column);
    if (name === "input" && isTransposed(good.op)) return hover(name, row, column);
    look = null;
    if (name === "output" || name === "canvas") return moveTo(row, column);
    const middle = (x, at) => Math.round(name === "stretched" ? at + stretched(x).before - (x.d * (x.k - 1)) / 2
      : (at + x.p - (x.d * (x.k - 1)) / 2) / x.s);
    moveTo(middle(axes()[0], row), middle(axes()[1], column));
  }
  function moveTo(...cell) {
    const size = outs();
    state.cell = good.cell = cell.map((at, a) => clamp(at, 0, size[a] - 1));
    draw();
    rest();
  }
  function step(by) {
    const [rows, columns] = outs();
    const next = (state.cell[0] * columns + state.cell[1] + by + rows * columns) % (rows * columns);
    look = null;
    moveTo(Math.floor(next / columns), next % columns);
  }

  function edit(name, row, column, first = null) {
    if (!(name in cursors) || !inGrid(name, row, column)) return;
    const numbers = name === "input" ? state.image : state.weight;
    const { root, svg, rows, columns, size } = grids[name];
    const box = h("input", { class: "conv-edit", "aria-label": `${name} row ${row}, column ${column}`,
      style: `left:${svg.offsetLeft + (column - columns[0]) * size}px;top:${svg.offsetTop + (row - rows[0]) * size}px;` +
        `width:${size + 14}px;height:${size}px` });
    let open = true;
    const close = () => { open = false; box.remove(); };
    const keep = () => {
      const number = Number(box.value.trim().replace("−", "-").replace(",", ".") || NaN);
      if (!(Math.abs(number) <= 999)) {
        say(`a number from −999 to 999 is needed: got "${box.value}"; the cell keeps ${show(numbers[row][column])}`);
        return false;
      }
      numbers[row][column] = number;
      return true;
    };
    box.value = first ?? numbers[row][column];
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      if (event.key === "Enter" && !keep()) return;
      close();
      svg.focus();
      changed();
      hover(name, row, column);
    });
    box.addEventListener("blur", () => { if (open) { const kept = keep(); close(); if (kept) changed(); } });
    root.append(box);
    box.focus();
    if (first === null) box.select();
  }

  // ---- the controls
  const choice = (names, attributes) => h("select", attributes, names.map((name) => h("option", { value: name }, name)));
  const op = choice(OPS, { onchange: () => { state.op = op.value; changed(); solve(); } });
  const square = h("input", { type: "checkbox", checked: PAIRS.every((name) => state[name][0] === state[name][1]),
    onchange: () => { if (square.checked) for (const name of PAIRS) state[name][1] = state[name][0]; changed(); } });
  const ceil = h("input", { type: "checkbox", onchange: () => { state.ceil_mode = ceil.checked; changed(); } });
  const ceilField = field("ceil_mode", ceil);
  const label = (name) => (name === "size" ? "input" : name);
  const sliders = PAIRS.map((name) => {
    const both = ["height", "width"].map((side, a) => {
      const slider = h("input", { type: "range", min: LIMITS[name][0], max: LIMITS[name][1],
        "aria-label": `${label(name)} ${side}`, "data-set": `${name}-${side}`,
        oninput: () => {
          for (const at of square.checked ? [0, 1] : [a]) state[name][at] = Number(slider.value);
          changed();
        } });
      return { slider, shown: h("span", { class: "conv-value" }) };
    });
    const second = h("span", { class: "cbh-field" }, both[1].slider, both[1].shown);
    const root = h("div", { class: "conv-setting" }, h("span", {}, label(name)), both[0].slider, both[0].shown, second);
    return { name, both, second, root };
  });
  const message = h("div", { class: "conv-message", role: "alert" });
  const say = (text) => { if (message.textContent !== text) message.textContent = text; };
  const badge = h("span", { class: "cbh-badge", role: "status" });
  const sizes = h("div", { class: "cbh-formula conv-sizes" });
  const worked = liveLine("cbh-formula conv-worked");
  const line = h("input", { class: "conv-line", readonly: true, "aria-label": "the layer in PyTorch" });
  const copy = h("button", { onclick: () => {
    line.select();
    document.execCommand("copy"); // works without https too, unlike navigator.clipboard
    copy.textContent = "Copied";
  } }, "Copy");
  const number = (name, start) => h("input", { type: "number", min: 1, max: 512, value: start, "aria-label": name, oninput: () => solve() });
  const [from, to] = isTransposed(state.op) ? [number("from", 16), number("to", 32)] : [number("from", 32), number("to", 16)];
  const answers = h("select", { "aria-label": "settings that give this size", onchange: () => apply() });
  let found = [];

  function solve() {
    found = settingsFor(state.op, Number(from.value), Number(to.value));
    const name = (x) => [`kernel ${x.k}, stride ${x.s}, padding ${x.p}`, x.d > 1 && `dilation ${x.d}`,
      x.o && `output_padding ${x.o}`, x.ceil && "ceil_mode"].filter(Boolean).join(", ");
    const first = found.length ? `${found.length} settings: choose one` : `none within these sliders' limits`;
    answers.replaceChildren(...[first, ...found.map(name)].map((text, i) => h("option", { value: i }, text)));
  }
  function apply() {
    const x = found[answers.selectedIndex - 1];
    if (!x) return;
    const set = { kernel_size: x.k, stride: x.s, padding: x.p, dilation: x.d, output_padding: x.o };
    if (x.n <= LIMITS.size[1] && !tooLarge(x)) set.size = x.n;
    for (const [name, number] of Object.entries(set)) if (takes(state.op, name)) state[name] = [number, number];
    state.ceil_mode = x.ceil;
    square.checked = true;
    changed();
    if (!set.size) say(`${x.n} cells are too many to draw: the picture keeps its input`);
  }

  // ---- drawing
  const inputRow = h("div", { class: "conv-row" }, grid("input"), grid("kernel"));
  const scatterTitle = h("div", { class: "conv-title" }, "Scatter-add: each input cell adds its multiple of the kernel");
  const insertTitle = h("div", { class: "conv-title" });
  const insertRow = h("div", { class: "conv-row" }, grid("stretched"), grid("turned"));
  inputRow.append(grid("canvas"));
  const pictures = h("div", { class: "conv-pictures" }, scatterTitle, inputRow, insertTitle, insertRow, grid("output"));

  function put(name, caption, spec) {
    const { svg, root } = grids[name];
    const [high, wide] = [spec.rows[1] - spec.rows[0], spec.columns[1] - spec.columns[0]];
    spec.size = clamp(Math.floor(430 / Math.max(high, wide)), 10, 38);
    Object.assign(grids[name], { rows: spec.rows, columns: spec.columns, size: spec.size });
    const { width, height, inside } = drawn(spec);
    const help = HELP[name] ?? (name === "turned" ? "" : WINDOW_HELP);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", `${caption}. ${help}`);
    svg.innerHTML = `<title>${caption}</title>${inside}`;
    grids[name].caption.textContent = caption;
    root.hidden = false;
  }

  function draw() {
    const transposed = isTransposed(good.op);
    const [y, x] = axes();
    const out = outs();
    const pool = isPool(good.op);
    const byInput = look?.where === "input" ? look : null;
    const byKernel = look?.where === "kernel" ? look : null;
    const [row, column] = look?.where === "output" ? [look.row, look.column] : good.cell;
    // The two ends of the links: rows and columns of the input, and of the output, each with the tap between.
    const inRows = taps(inputsOf(y, row, true));
    const inColumns = taps(inputsOf(x, column, true));
    const outRows = byInput && taps(outputsOf(y, byInput.row, true));
    const outColumns = byInput && taps(outputsOf(x, byInput.column, true));
    const parts = terms(good, row, column);
    const best = good.op === "max_pool2d" && parts.find((part) => part.x === values[row][column]);
    const weight = (r, c) => good.weight[r][c];
    const isIn = (r, c) => !byInput && inRows.has(r) && inColumns.has(c);
    const isOut = (r, c) => byInput && outRows.has(r) && outColumns.has(c);
    const inside = (r, c) => r >= 0 && c >= 0 && r < y.n && c < x.n;
    const number = (r, c) => (inside(r, c) ? cellText(good.image[r][c]) : good.op === "max_pool2d" ? "−∞" : "0");
    const inNote = (r, c) => (!pool && isIn(r, c) && (!transposed || inside(r, c))
      ? `·${cellText(weight(inRows.get(r), inColumns.get(c)))}` : "");

    const pad = transposed ? [0, 0] : [y.p, x.p];
    const ends = transposed ? [y.n, x.n] : [paddedEnd(y), paddedEnd(x)];
    const used = (r, c) => [fate(y, r), fate(x, c)];
    const span = (z, i) => [i * z.s - z.p, z.d * (z.k - 1) + 1];
    const [[top, high], [left, wide]] = [span(y, row), span(x, column)];
    const padding = y.p || x.p ? `, padding ${y.p === x.p ? y.p : `${y.p} and ${x.p}`}` : "";
    put("input", `input ${times(y.n, x.n)}${transposed ? "" : padding}`, {
      rows: [-pad[0], ends[0]], columns: [-pad[1], ends[1]], text: number, note: inNote,
      kind: (r, c) => [!inside(r, c) && "pad", isIn(r, c) && inside(r, c) && "lit", used(r, c).find(Boolean),
        byInput?.row === r && byInput.column === c && "now", best && best.row === r && best.column === c && !byInput && "best",
      ].filter(Boolean).join(" "),
      frame: transposed || byInput ? null : [top, left, high, wide],
    });
    grids.kernel.root.hidden = pool;
    const tapIn = (r, c) => byKernel ? byKernel.row === r && byKernel.column === c : false;
    if (!pool) {
      put("kernel", `kernel ${times(y.k, x.k)}`, { rows: [0, y.k], columns: [0, x.k],
        text: (r, c) => cellText(weight(r, c)), kind: (r, c) => (tapIn(r, c) ? "now" : "") });
    }
    for (const part of [scatterTitle, insertTitle, insertRow, grids.canvas.root]) part.hidden = !transposed;
    if (transposed) {
      const lower = (z, o) => [-z.p, Math.max((z.n - 1) * z.s + z.d * (z.k - 1) + 1 - z.p, o)];
      put("canvas", `sum ${times(out[0], out[1])}${y.p || x.p ? `, hatched: cut off by padding` : ""}`, {
        rows: lower(y, out[0]), columns: lower(x, out[1]), text: (r, c) => cellText(value(good, r, c)),
        note: (r, c) => (isOut(r, c) ? `+${cellText(good.image[byInput.row][byInput.column] * weight(outRows.get(r), outColumns.get(c)))}` : ""),
        kind: (r, c) => [!inGrid("output", r, c) && "pad cropped", isOut(r, c) && "lit",
          !byInput && r === row && c === column && "now"].filter(Boolean).join(" "),
      });
      const [v, w] = [stretched(y), stretched(x)];
      const [vs, ws] = [taps(stretchedWindow(y, row)), taps(stretchedWindow(x, column))];
      const source = (r, c) => (r % y.s || c % x.s || !inside(r / y.s, c / x.s) ? null : [r / y.s, c / x.s]);
      insertTitle.textContent = "Zero-insertion: stride − 1 zeros between the cells, dilation·(kernel − 1) − padding " +
        "around them, then a convolution with stride 1 and the kernel turned round";
      put("stretched", `stretched input ${times(v.length, w.length)}, padding ${times(v.before, w.before)}`, {
        rows: [Math.min(0, -v.before), v.length + Math.max(0, v.after)],
        columns: [Math.min(0, -w.before), w.length + Math.max(0, w.after)],
        text: (r, c) => (source(r, c) ? number(...source(r, c)) : "0"),
        note: (r, c) => (!byInput && vs.has(r) && ws.has(c) ? `·${cellText(weight(vs.get(r), ws.get(c)))}` : ""),
        kind: (r, c) => [!source(r, c) && "pad", !byInput && vs.has(r) && ws.has(c) && "lit",
          byInput && r === byInput.row * y.s && c === byInput.column * x.s && "now",
          (r < -v.before || r >= v.length + v.after || c < -w.before || c >= w.length + w.after) && "cropped",
        ].filter(Boolean).join(" "),
        frame: byInput ? null : [row - v.before, column - w.before, y.d * (y.k - 1) + 1, x.d * (x.k - 1) + 1],
      });
      put("turned", "kernel turned round", { rows: [0, y.k], columns: [0, x.k],
        text: (r, c) => cellText(weight(y.k - 1 - r, x.k - 1 - c)), kind: () => "" });
    }
    (transposed ? insertRow : inputRow).append(grids.output.root);
    put("output", `output ${times(out[0], out[1])}`, { rows: [0, out[0]], columns: [0, out[1]],
      text: (r, c) => cellText(values[r][c]),
      note: (r, c) => (isOut(r, c) && !pool ? `·${cellText(weight(outRows.get(r), outColumns.get(c)))}` : ""),
      kind: (r, c) => [isOut(r, c) && "lit", !byInput && r === row && c === column && "now"].filter(Boolean).join(" ") });
    const fed = byInput && [...taps(outputsOf(y, byInput.row)).keys()].flatMap((r) =>
      [...taps(outputsOf(x, byInput.column)).keys()].map((c) => `[${r}, ${c}]`));
    const told = byInput ? `input[${byInput.row}, ${byInput.column}] = ${show(good.image[byInput.row][byInput.column])} ` +
      (fed.length ? `goes into ${fed.length} output cell${fed.length > 1 ? "s" : ""}: ${fed.join(", ")}` : "goes into no output cell")
      : valueFormula(good, row, column);
    if (worked.textContent !== told) worked.textContent = told;
  }

  function drawSettings() {
    const [y, x] = axes();
    op.value = state.op;
    ceil.checked = state.ceil_mode;
    ceilField.hidden = !isPool(state.op);
    for (const { name, both, second, root } of sliders) {
      root.hidden = !takes(state.op, name);
      second.hidden = square.checked;
      both.forEach(({ slider, shown }, a) => {
        slider.value = state[name][a];
        shown.textContent = state[name][a];
      });
    }
    const [tall, broad] = [sizeFormula(y), sizeFormula(x)];
    sizes.replaceChildren(...(tall === broad ? [`height and width: ${tall}`] : [`height: ${tall}`, `width: ${broad}`])
      .map((text) => h("div", {}, text)));
    line.value = nnLine(good);
    copy.textContent = "Copy";
  }

  /** Settings or numbers have changed: draw them if they fit, else say why not and keep the picture. */
  function changed(ask = true) {
    const problem = [0, 1].map((a) => fault(axis(state, a)) ?? tooLarge(axis(state, a))).find(Boolean);
    say(problem ?? "");
    pictures.classList.toggle("conv-stale", Boolean(problem));
    if (!problem) {
      good = copyOf(state);
      values = output(good);
      const size = outs();
      state.cell = good.cell = good.cell.map((at, a) => clamp(at, 0, size[a] - 1));
      if (look && !inGrid(look.where, look.row, look.column)) look = null;
      draw();
    }
    drawSettings();
    if (!ask) return;
    status("", "PyTorch is asked when you rest");
    if (problem) rest.cancel();
    else rest();
  }

  // ---- PyTorch
  const status = (kind, text) => { badge.dataset.state = kind; if (badge.textContent !== text) badge.textContent = text; };
  const rest = whenResting(() => {
    if (waiting) { again = true; return; }
    waiting = state.id = good.id = good.id + 1;
    if (badge.dataset.state !== "agree") status("", "asking PyTorch …");
    clearTimeout(slow);
    slow = setTimeout(() => { waiting = 0; status("", "PyTorch not asked: no kernel answers"); }, 4000);
    model.set("state", copyOf(good));
    model.save_changes();
  });
  function compare() {
    const answer = model.get("answer");
    if (answer.id !== good.id) return;
    waiting = 0;
    clearTimeout(slow);
    if (again) { again = false; rest(); return; }
    const flat = (answer.output ?? []).flat();
    const off = values.flat().findIndex((mine, i) => !(mine === (flat[i] ?? -Infinity) || Math.abs(mine - flat[i]) <= 1e-9 * (1 + Math.abs(mine))));
    if (answer.error) status("differ", `PyTorch: ${answer.error}`);
    else if (off < 0 && flat.length === values.flat().length) status("agree", "✓ PyTorch agrees");
    else status("differ", `✗ PyTorch differs: output ${times(answer.output.length, answer.output[0].length)}, cell ${off}: ${flat[off]}`);
  }
  const stop = listen(model, {
    "change:answer": compare,
    "change:state": () => {
      if (model.get("state").id === state.id) return;
      state = copyOf(model.get("state"));
      square.checked = square.checked && PAIRS.every((name) => state[name][0] === state[name][1]);
      changed(false);
      compare();
    },
  });

  el.classList.add("cbh", "conv");
  el.append(
    h("div", { class: "cbh-row" }, field("layer", op), field("height = width", square), ceilField),
    h("div", { class: "conv-settings" }, sliders.map(({ root }) => root)), message, pictures,
    h("div", { class: "cbh-row" }, h("button", { onclick: () => step(-1) }, "◀ Back"), h("button", { onclick: () => step(1) }, "Step ▶"), badge),
    worked, sizes, h("div", { class: "cbh-row" }, line, copy),
    h("div", { class: "cbh-row" }, field("Get", from), field("→", to), answers),
  );
  solve();
  changed(false);
  compare();
  return () => { stop(); rest.cancel(); clearTimeout(slow); };
}

export default { render };
