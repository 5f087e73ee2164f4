// ConvExplorer: the grids, and what mouse and keyboard do with them. All arithmetic is in conv_geometry.js.

import { field, h, liveLine, listen, whenResting } from "./common.js";
import {
  LETTERS, LIMITS, axes, fate, fault, inputsOf, isPool, isTransposed, nnLine, output, outputSize, outputsOf, paddedEnd, range,
  settingsFor, show, sizeFormula, spreadOf, stretched, takes, terms, value, valueFormula, windowOf,
} from "./conv_geometry.js";

const PAIRS = Object.keys(LIMITS);
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const copyOf = (settings) => JSON.parse(JSON.stringify(settings));
const clamp = (number, least, most) => Math.max(least, Math.min(most, number));
const cellText = (number) => (Math.abs(number) >= 100 ? show(Math.round(number)) : show(number, 3));
const times = ([height, width]) => `${height}×${width}`;
const brief = (pair) => (pair[0] === pair[1] ? pair[0] : times(pair));
const same = (one, other) => String(one) === String(other);
const taps = (links) => new Map(links.map(({ at, tap }) => [at, tap]));
const names = (flags) => Object.keys(flags).filter((name) => flags[name]).join(" ");
const row = (...parts) => h("div", { class: "cbh-row" }, ...parts);
const isSquare = (settings) => PAIRS.every((name) => typeof brief(settings[name]) === "number");

/** The inside of a grid's SVG: cells from [row, column] up to `to`; text, note and kind describe a cell. */
function drawn({ from, to, size, text, note, kind, frame }) {
  const [high, wide] = [to[0] - from[0], to[1] - from[1]];
  const box = ([r, c], [rows, columns]) => `<rect x="${(c - from[1]) * size + 1}" y="${(r - from[0]) * size + 1}" ` +
    `width="${columns * size}" height="${rows * size}" class="`;
  let [fills, words, lines] = ["", "", ""];
  for (const r of range(0, high + 1)) lines += `M1 ${r * size + 1}h${wide * size}`;
  for (const c of range(0, wide + 1)) lines += `M${c * size + 1} 1v${high * size}`;
  for (const r of range(from[0], to[0])) for (const c of range(from[1], to[1])) {
    const [x, y, half] = [(c - from[1]) * size + 1, (r - from[0]) * size + 1, size / 2];
    const [kinds, below] = [kind([r, c]), note?.([r, c])];
    if (kinds.trim()) fills += `${box([r, c], [1, 1])}${kinds}"/>`;
    if (/discarded|cut/.test(kinds)) {
      lines += `M${x} ${y + half}l${half} ${-half}M${x} ${y + size}l${size} ${-size}M${x + half} ${y + size}l${half} ${-half}`;
    }
    if (size < 26) continue;
    words += `<text class="${kinds}" x="${x + half}" y="${y + half + (below ? -2 : 5)}">${text([r, c])}</text>`;
    if (below) words += `<text class="note" x="${x + half}" y="${y + size - 4}">${below}</text>`;
  }
  return `${fills}<path d="${lines}"/>${frame ? `${box(...frame)}frame"/>` : ""}${words}`;
}

function render({ model, el }) {
  // What is set, whether it fits or not.
  let state = copyOf(model.get("state"));
  // What is drawn: the last settings that fit.
  let good = state;
  let values;
  // The cell under the mouse or the cursor, {where: "input", "kernel" or "output", cell}.
  let look = null;
  let [waiting, slow] = [false, 0];
  const cursors = { input: [0, 0], kernel: [0, 0] };
  // How many rows and columns {input, kernel, output} have.
  let ends;
  const inside = (where, cell) => ends[where].every((end, a) => cell[a] >= 0 && cell[a] < end);

  // ---- what mouse and keyboard do on a grid
  const grids = {};
  function grid(name) {
    const g = { caption: h("div") };
    let held = false;
    const cellAt = ({ offsetX, offsetY }) => [offsetY, offsetX].map((at, a) => Math.floor(at / g.size) + g.from[a]);
    g.svg = h("svg", { role: "img", tabindex: 0, "data-grid": name,
      onpointerdown: (event) => {
        held = true;
        g.svg.setPointerCapture(event.pointerId);
        if (name in cursors && inside(name, cellAt(event))) cursors[name] = cellAt(event);
        point(name, cellAt(event), true);
      },
      onpointermove: (event) => point(name, cellAt(event), held),
      onlostpointercapture: () => { held = false; },
      onpointerleave: () => lookAt(null),
      onblur: () => lookAt(null),
      onfocus: () => name in cursors && g.svg.matches(":focus-visible") && lookAt({ where: name, cell: cursors[name] }),
      ondblclick: (event) => name in cursors && edit(name, cellAt(event)),
      onkeydown: (event) => {
        const step = ARROWS[event.key];
        const typed = name in cursors && /^([-.\d]|Enter)$/.test(event.key);
        if ((!step && !typed) || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        if (typed) return edit(name, cursors[name], event.key.length === 1 ? event.key : null);
        const cell = (cursors[name] ?? good.cell).map((at, a) => clamp(at + step[a], 0, (ends[name] ?? ends.output)[a] - 1));
        if (!(name in cursors)) return moveTo(cell);
        cursors[name] = cell;
        lookAt({ where: name, cell });
      } });
    grids[name] = g;
    return (g.root = h("div", { class: "conv-grid" }, g.caption, g.svg));
  }
  function point(name, cell, held) {
    const where = { canvas: "output", stretched: "input" }[name] ?? name;
    if (held && where === "output") moveTo(cell);
    else if (held && name === (isTransposed(good.op) ? "stretched" : "input")) {
      // The nearest window, by its middle. On the stretched input windows are one cell apart.
      const middle = (links) => (links[0].at + links.at(-1).at) / 2;
      moveTo(axes(good).map((x, a) => Math.round((cell[a] - middle(windowOf(x, 0))) / (name === "input" ? x.s : 1))));
    } else {
      const source = name === "stretched" ? cell.map((at, a) => at / good.stride[a]) : cell;
      lookAt(source.every(Number.isInteger) && inside(where, source) ? { where, cell: source } : null);
    }
  }
  function lookAt(next) {
    if (JSON.stringify(next) === JSON.stringify(look)) return;
    look = next;
    draw();
  }
  function moveTo(cell) {
    look = null;
    state.cell = good.cell = cell.map((at, a) => clamp(at, 0, ends.output[a] - 1));
    good.id = state.id += 1;
    draw();
    rest();
  }
  function step(by) {
    const [rows, columns] = ends.output;
    const next = good.cell[0] * columns + good.cell[1] + by + rows * columns;
    moveTo([Math.floor(next / columns) % rows, next % columns]);
  }
  function edit(name, cell, first = null) {
    if (!inside(name, cell)) return;
    const numbers = state[name === "input" ? "image" : "weight"][cell[0]];
    const { root, svg, from, to, size } = grids[name];
    let open = true;
    const end = (keep) => {
      const number = Number(box.value.trim() || NaN);
      const wrong = keep && !(Math.abs(number) <= 999);
      if (keep && !wrong) numbers[cell[1]] = number;
      open = false;
      box.remove();
      changed();
      if (wrong) say(`a number from −999 to 999 is needed: got "${box.value}"; the cell keeps ${numbers[cell[1]]}`);
    };
    const box = h("input", { class: "conv-edit", "aria-label": `${name} row ${cell[0]}, column ${cell[1]}`,
      style: `left:${(cell[1] - from[1]) * size}px;bottom:${(to[0] - cell[0] - 1) * size}px`,
      onblur: () => open && end(true),
      onkeydown: (event) => {
        if (!["Enter", "Escape"].includes(event.key)) return;
        end(event.key === "Enter");
        svg.focus();
        lookAt({ where: name, cell });
      } });
    box.value = first ?? numbers[cell[1]];
    root.append(box);
    box.focus();
    if (first === null) box.select();
  }

  // ---- the controls
  const options = (texts) => texts.map((text) => h("option", {}, text));
  const check = (set) => h("input", { type: "checkbox", onchange: (event) => { set(event.target.checked); changed(); } });
  const op = h("select", { onchange: () => { state.op = op.value; changed(); solve(); } },
    options(["conv2d", "max_pool2d", "avg_pool2d", "conv_transpose2d"]));
  const square = check((on) => on && PAIRS.forEach((name) => { state[name][1] = state[name][0]; }));
  const ceil = check((on) => { state.ceil_mode = on; });
  const ceilField = field("ceil_mode", ceil);
  const sliders = PAIRS.map((name) => {
    const label = name === "size" ? "input" : name;
    const parts = ["height", "width"].map((side, a) => {
      const slider = h("input", { type: "range", min: LIMITS[name][0], max: LIMITS[name][1],
        "aria-label": `${label} ${side}`, oninput: () => {
          state[name][a] = Number(slider.value);
          if (square.checked) state[name][1] = state[name][0];
          changed();
        } });
      const shown = h("span");
      return { slider, shown, root: h("span", { class: "cbh-field" }, slider, shown) };
    });
    return { name, parts, root: h("div", { class: "conv-setting" }, h("span", {}, label), parts.map(({ root }) => root)) };
  });
  const message = h("div", { class: "conv-message", role: "alert" });
  const badge = h("span", { class: "cbh-badge", role: "status" });
  const worked = liveLine("cbh-formula");
  const sizes = h("div", { class: "cbh-formula" });
  const line = h("input", { class: "conv-line", readonly: true, "aria-label": "layer in PyTorch" });
  const copy = h("button", { onclick: () => {
    line.select();
    // navigator.clipboard needs a secure page.
    document.execCommand("copy");
    copy.textContent = "Copied";
  } }, "Copy");
  const [from, to] = ["from", "to"].map((name) => h("input", { type: "number", min: 1, max: 512, value: 32,
    "aria-label": `cells ${name}`, oninput: () => solve() }));
  (isTransposed(state.op) ? from : to).value = 16;
  const answers = h("select", { "aria-label": "settings for it", onchange: () => {
    const x = found[answers.selectedIndex - 1];
    if (!x) return;
    const large = x.n > LIMITS.size[1] || fault(x, true);
    for (const name of PAIRS) if (!large || name !== "size") state[name] = [x[LETTERS[name]], x[LETTERS[name]]];
    state.ceil_mode = x.ceil;
    square.checked = true;
    changed();
    if (large) say(message.textContent || `${x.n} cells are too many to draw`);
  } });
  let found = [];
  function solve() {
    found = settingsFor(state.op, Number(from.value), Number(to.value));
    const text = (x) => PAIRS.slice(1).filter((name) => takes(x.op, name)).map((name) => `${name} ${x[LETTERS[name]]}`)
      .join(", ") + (x.ceil ? ", ceil_mode" : "");
    answers.replaceChildren(...options([`${found.length || "no"} settings`, ...found.map(text)]));
  }
  const say = (text) => { message.textContent = text; };

  // ---- drawing
  const scatterTitle = h("div", { class: "conv-title" }, h("b", {}, "Scatter-add: "), "each input cell adds its multiple of the kernel");
  const insertTitle = h("div", { class: "conv-title" }, h("b", {}, "Zero-insertion: "),
    "stride − 1 zeros between the cells, then a convolution with stride 1 and the kernel turned round");
  const pictures = h("div", { class: "cbh-row conv-pictures" }, scatterTitle, ["input", "kernel", "canvas"].map(grid),
    insertTitle, ["stretched", "output"].map(grid));

  function put(name, caption, spec) {
    const g = Object.assign(grids[name], spec);
    const cells = [0, 1].map((a) => spec.to[a] - spec.from[a]);
    g.size = spec.size = clamp(Math.floor(Math.min(430, el.clientWidth || 430) / Math.max(...cells)), 10, 38);
    const keys = name in cursors ? "choose a cell, typing changes it" : "move the window";
    g.svg.style = `height:${cells[0] * g.size + 2}px;width:${cells[1] * g.size + 2}px`;
    g.svg.innerHTML = `<title>${caption}. Arrow keys ${keys}</title>${drawn(spec)}`;
    g.caption.textContent = caption;
  }

  function draw() {
    const [transposed, pool, xs] = [isTransposed(good.op), isPool(good.op), axes(good)];
    const { where, cell } = look ?? { where: "output", cell: good.cell };
    const both = (links) => xs.map((x, a) => taps(links(x, cell[a])));
    const has = (maps, at) => maps && maps.every((map, a) => map.has(at[a]));
    const weight = (maps, at) => good.weight[maps[0].get(at[0])][maps[1].get(at[1])];
    const noted = (maps, at) => (!pool && has(maps, at) ? `·${cellText(weight(maps, at))}` : "");
    // One cell is looked at; the cells linked with it, each with the tap between them:
    const [window, sources, spread] = [["output", windowOf], ["output", inputsOf], ["input", spreadOf]]
      .map(([end, links]) => where === end && both(links));
    const now = (name, at) => where === name && same(at, cell);
    const best = good.op === "max_pool2d" && where === "output" &&
      terms(good, cell).find(({ x }) => x === values[cell[0]][cell[1]])?.at;
    const number = (at) => (inside("input", at) ? cellText(good.image[at[0]][at[1]]) : good.op === "max_pool2d" ? "−∞" : "0");
    const frame = window && [window.map((map) => map.keys().next().value), xs.map((x) => x.d * (x.k - 1) + 1)];
    const padding = same(good.padding, [0, 0]) ? "" : `, padding ${brief(good.padding)}`;

    put("input", `input ${times(good.size)}${transposed ? "" : padding}`, {
      from: xs.map((x) => (transposed ? 0 : -x.p)), to: xs.map((x) => (transposed ? x.n : paddedEnd(x))), text: number,
      note: (at) => noted(transposed ? sources : window, at),
      kind: (at) => names({ pad: !inside("input", at), lit: has(sources, at), now: now("input", at),
        best: best && same(best, at) }) + xs.map((x, a) => ` ${fate(x, at[a])}`).join(""),
      frame: !transposed && frame });
    put("kernel", `kernel ${times(good.kernel_size)}`, { from: [0, 0], to: good.kernel_size,
      text: ([r, c]) => cellText(good.weight[r][c]), kind: (at) => names({ now: now("kernel", at) }) });
    grids.kernel.root.hidden = pool;
    for (const part of [scatterTitle, insertTitle, grids.canvas.root, grids.stretched.root]) part.hidden = !transposed;
    if (transposed) {
      put("canvas", `sum${padding && ", hatched: cut off by the padding"}`, {
        from: xs.map((x) => -x.p), to: xs.map((x, a) => Math.max(spreadOf(x, x.n - 1).at(-1).at + 1, ends.output[a])),
        text: (at) => cellText(value(good, at)),
        note: (at) => (has(spread, at) ? `+${cellText(good.image[cell[0]][cell[1]] * weight(spread, at))}` : ""),
        kind: (at) => names({ "pad cut": !inside("output", at), lit: has(spread, at), now: now("output", at) }) });
      const wide = xs.map(stretched);
      const source = (at) => at.map((i, a) => i / xs[a].s);
      const real = (at) => source(at).every(Number.isInteger) && inside("input", source(at));
      put("stretched", `stretched ${times(wide.map(({ length }) => length))}, around it ` +
        `dilation·(kernel − 1) − padding = ${brief(wide.map(({ before }) => before))}`, {
        from: wide.map(({ before }) => Math.min(0, -before)), to: wide.map(({ length, after }) => length + Math.max(0, after)),
        text: (at) => (real(at) ? number(source(at)) : "0"), note: (at) => noted(window, at), frame,
        kind: (at) => names({ pad: !real(at), lit: has(window, at), now: now("input", source(at)),
          cut: wide.some(({ length, before, after }, a) => at[a] < -before || at[a] >= length + after) }) });
    }
    put("output", `output ${times(ends.output)}`, { from: [0, 0], to: ends.output, text: ([r, c]) => cellText(values[r][c]),
      note: (at) => noted(spread, at), kind: (at) => names({ lit: has(spread, at), now: now("output", at) }) });

    let told = valueFormula(good, where === "output" ? cell : good.cell);
    if (where === "input") {
      const [rows, columns] = both(outputsOf);
      const fed = [...rows.keys()].flatMap((r) => [...columns.keys()].map((c) => `output[${r}, ${c}]`));
      told = `input[${cell.join(", ")}] = ${number(cell)} goes into ${fed.join(", ") || "no output cell"}`;
    }
    if (worked.textContent !== told) worked.textContent = told;
  }

  /** Settings or numbers have changed: draw them if they fit, else say why not and keep the picture. */
  function changed(ask = true) {
    if (ask) state.id += 1;
    const problem = axes(state).map((x) => fault(x, true)).find(Boolean);
    say(problem ?? "");
    pictures.style.opacity = problem ? 0.5 : 1;
    if (!problem) {
      good = copyOf(state);
      values = output(good);
      ends = { input: good.size, kernel: good.kernel_size, output: axes(good).map(outputSize) };
      state.cell = good.cell = good.cell.map((at, a) => clamp(at, 0, ends.output[a] - 1));
      if (look && !inside(look.where, look.cell)) look = null;
      draw();
    }
    op.value = state.op;
    ceil.checked = state.ceil_mode;
    ceilField.hidden = !isPool(state.op);
    for (const { name, parts, root } of sliders) {
      root.hidden = !takes(state.op, name);
      parts[1].root.hidden = square.checked;
      parts.forEach(({ slider, shown }, a) => { slider.value = shown.textContent = state[name][a]; });
    }
    const [tall, broad] = axes(good).map(sizeFormula);
    sizes.innerText = tall === broad ? `size: ${tall}` : `height: ${tall}\nwidth: ${broad}`;
    line.value = nnLine(good);
    copy.textContent = "Copy";
    if (!ask) return;
    status("", problem ? "PyTorch not asked" : "PyTorch is asked at rest");
    (problem ? rest.cancel : rest)();
  }

  // ---- PyTorch: one question at a time
  const status = (kind, text) => { badge.dataset.state = kind; badge.textContent = text; };
  const rest = whenResting(() => {
    if (waiting) return rest();
    waiting = true;
    slow = setTimeout(() => { waiting = false; status("", "PyTorch not asked: no kernel answers"); }, 5000);
    model.set("state", copyOf(good));
    model.save_changes();
  });
  function compare() {
    const { id, error, output: rows } = model.get("answer");
    waiting = false;
    clearTimeout(slow);
    if (id !== good.id) return;
    const close = (mine, its) => mine === its || Math.abs(mine - its) <= 1e-9 * (1 + Math.abs(mine));
    const [mine, its] = [values.flat(), (rows ?? []).flat().map((number) => number ?? -Infinity)];
    const at = mine.findIndex((number, i) => !close(number, its[i]));
    if (at < 0 && mine.length === its.length) status("agree", "✓ PyTorch agrees");
    else status("differ", `✗ PyTorch: ${error ?? `${its.length} numbers, number ${at} is ${its[at]}`}`);
  }
  const stop = listen(model, { "change:answer": compare, "change:state": () => {
    if ([state.id, good.id].includes(model.get("state").id)) return;
    state = copyOf(model.get("state"));
    square.checked = square.checked && isSquare(state);
    changed(false);
    compare();
  } });

  square.checked = isSquare(state);
  el.classList.add("cbh", "conv");
  el.append(
    row(field("layer", op), field("height = width", square), ceilField), row(sliders.map(({ root }) => root)), message, pictures,
    row(h("button", { onclick: () => step(-1) }, "◀ Back"), h("button", { onclick: () => step(1) }, "Step ▶"), badge),
    worked, sizes, row(line, copy), row(field("Get", from), field("→", to), answers));
  solve();
  changed(false);
  compare();
  return () => { stop(); rest.cancel(); clearTimeout(slow); };
}

export default { render };
