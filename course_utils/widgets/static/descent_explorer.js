import { h, lessMotion, listen, liveLine, uniqueId, whenResting } from "./common.js";
import { RULES, SURFACES, compare, contour, descend, heights, leftAt, levels } from "./descent_geometry.js";

const WIDTH = 420, HEIGHT = 315, LEFT = 30, TOP = 6, BOTTOM = 24, RIGHT = 10; // of the picture, and its margins
const OUTER = [LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM];
const CURVE = { width: 270, height: 84, left: 50, top: 20, bottom: 22, right: 8 };
const CLOSE = 1e-6; // paths no further apart than this agree: float64 has about 16 digits, a path adds errors up
const PATIENCE = 15000; // the first optimizer of a kernel loads much of PyTorch
const KEYS = ["surface", "rule", "x", "y", "rate", "momentum", "steps"];
// What the number fields take, and how many digits a slider gives; that of the rate moves in powers of ten.
const FIELDS = {
  rate: { name: "learning rate", low: 0.001, high: 10, digits: 3, slider: [-3, 1, 0.005] },
  momentum: { name: "momentum", low: 0, high: 0.99, digits: 2, slider: [0, 0.99, 0.01] },
  steps: { name: "steps", low: 1, high: 200, digits: 3, slider: [1, 200, 1] },
};

const codeOf = ({ rule, rate, momentum }) => (rule === "momentum"
  ? `torch.optim.SGD([point], lr=${rate}, momentum=${momentum})` : `torch.optim.${rule}([point], lr=${rate})`);
/** A number in few digits. */
const short = (value) => (Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(1) : String(Number(value.toPrecision(4)))).replace("-", "−");

const power = (exponent) => (Math.abs(exponent) < 4 ? String(10 ** exponent) : `1e${exponent}`).replace("-", "−");

/** A surface as a picture of its own: blue where it is low, nothing where it is high. */
function shade(grid) {
  const rows = grid.values.length, columns = grid.values[0].length;
  const canvas = h("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  grid.values.flat().forEach((value, k) => {
    const share = ((value - grid.low) / (grid.high - grid.low)) ** 0.35;
    pixels.data.set([0, 114, 178, 130 * (1 - share)], 4 * k);
  });
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

function render({ model, el }) {
  const settings = () => Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
  const same = (a, b) => KEYS.every((key) => a?.[key] === b?.[key]);
  let points = [], shown = null, drawn = "", own = false, asking = false, player, waiting;

  // The picture
  const image = h("image", { width: WIDTH, height: HEIGHT, preserveAspectRatio: "none" });
  const lines = h("path", { class: "cbh-descent-contour" });
  const minima = h("path", { class: "cbh-descent-minimum" });
  const path = h("polyline", { class: "cbh-descent-path" });
  const dots = h("path", { class: "cbh-descent-dots" });
  const now = h("circle", { class: "cbh-descent-now", r: 7 });
  const ticks = h("g", {});
  const title = h("title", { id: uniqueId("title") });
  const svg = h("svg", { viewBox: `0 0 ${OUTER[0]} ${OUTER[1]}`, role: "img", "aria-labelledby": title.id }, title,
    h("svg", { x: LEFT, y: TOP, width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` },
      image, lines, minima, path, dots, now),
    h("rect", { class: "cbh-descent-edge", x: LEFT, y: TOP, width: WIDTH, height: HEIGHT }), ticks);
  const start = h("button", { type: "button", class: "cbh-descent-start", onkeydown: moveByKey });
  const picture = h("div", { class: "cbh-descent-picture", onpointerdown: grab, onpointermove: drag }, svg, start);

  // The controls
  const choice = (key, names) => h("select", {
    "aria-label": key, onchange: (event) => change(key === "surface"
      ? { surface: event.target.value, x: SURFACES[event.target.value].start[0], y: SURFACES[event.target.value].start[1] }
      : { [key]: event.target.value }),
  }, ...Object.keys(names).map((name) => h("option", { value: name }, name)));
  const controls = { surface: choice("surface", SURFACES), rule: choice("rule", RULES) };
  const formula = h("div", { class: "cbh-descent-formula" });
  const problem = h("div", { class: "cbh-descent-problem", role: "alert" });
  const number = (key, name) => h("input", {
    type: "number", step: key === "steps" ? 1 : "any", "aria-label": name, onchange: (event) => take(key, event.target),
  });
  const numbers = { x: number("x", "start x"), y: number("y", "start y") };
  const sliders = {};
  for (const [key, { name, digits, slider: [min, max, step] }] of Object.entries(FIELDS)) {
    numbers[key] = number(key, name);
    sliders[key] = h("input", {
      type: "range", min, max, step, "aria-label": `${name} slider`,
      oninput: ({ target: { value } }) =>
        change({ [key]: Number((key === "rate" ? 10 ** value : Number(value)).toPrecision(digits)) }),
    });
  }
  const until = h("input", {
    type: "range", min: 0, step: 1, "aria-label": "show the path up to step",
    oninput: () => { pause(); shown = Number(until.value); drawPath(); },
  });
  const play = h("button", { type: "button", onclick: toggle });
  const count = h("span", {});
  const badge = h("span", { class: "cbh-badge" });
  const said = h("div", { class: "cbh-descent-said" });
  const code = h("code", { class: "cbh-descent-code" });
  const spoken = liveLine("cbh-hidden");

  // The loss by step
  const curve = h("polyline", { class: "cbh-descent-path" });
  const mark = h("circle", { class: "cbh-descent-now", r: 5 });
  const scale = h("g", {});
  const curveTitle = h("title", { id: uniqueId("title") }, "The loss above the lowest, by step, on a logarithmic scale");
  const curveSize = [CURVE.left + CURVE.width + CURVE.right, CURVE.top + CURVE.height + CURVE.bottom];
  const chart = h("svg", { viewBox: `0 0 ${curveSize.join(" ")}`, role: "img", "aria-labelledby": curveTitle.id },
    curveTitle, h("rect", { class: "cbh-descent-edge", x: CURVE.left, y: CURVE.top, width: CURVE.width, height: CURVE.height }),
    curve, mark, scale);

  const toPicture = ([x, y]) => {
    const [left, right, bottom, top] = SURFACES[model.get("surface")].view;
    return [((x - left) / (right - left)) * WIDTH, ((top - y) / (top - bottom)) * HEIGHT];
  };

  function drawSurface() {
    const { surface } = settings();
    if (drawn === surface) return;
    drawn = surface;
    const { formula: text, view: [left, right, bottom, top], minima: lowest } = SURFACES[surface];
    const grid = heights(SURFACES[surface], 96, 72);
    image.setAttribute("href", shade(grid));
    const cell = WIDTH / 96;
    lines.setAttribute("d", levels(grid).flatMap((level) => contour(grid.values, level)).map(([x1, y1, x2, y2]) =>
      `M${(x1 * cell).toFixed(1)} ${(y1 * cell).toFixed(1)}L${(x2 * cell).toFixed(1)} ${(y2 * cell).toFixed(1)}`).join(""));
    minima.setAttribute("d", lowest.map(toPicture).map(([x, y]) => `M${x - 7} ${y}h14M${x} ${y - 7}v14`).join(""));
    const marks = [];
    for (let x = Math.ceil(left); x <= right; x += 1) {
      marks.push(h("text", { x: LEFT + toPicture([x, 0])[0], y: TOP + HEIGHT + 16, "text-anchor": "middle" }, short(x)));
    }
    for (let y = Math.ceil(bottom); y <= top; y += 1) {
      marks.push(h("text", { x: LEFT - 6, y: TOP + toPicture([0, y])[1] + 4, "text-anchor": "end" }, short(y)));
    }
    ticks.replaceChildren(...marks);
    formula.textContent = `loss = ${text}`;
  }

  function drawPath() {
    const { surface, x, y, steps } = settings();
    const { loss, minima: lowest } = SURFACES[surface];
    const last = Math.min(shown ?? steps, points.length - 1);
    const visible = points.slice(0, last + 1).map(toPicture).map((point) => point.map((v) => v.toFixed(2)).join(" "));
    path.setAttribute("points", visible.join(" "));
    dots.setAttribute("d", visible.slice(1).map((point) => `M${point}h0`).join(""));
    const [cx, cy] = toPicture(points[last]);
    now.setAttribute("cx", cx);
    now.setAttribute("cy", cy);
    now.style.display = shown === null ? "none" : "";
    const [px, py] = toPicture([x, y]);
    start.style.left = `${(100 * (LEFT + px)) / OUTER[0]}%`;
    start.style.top = `${(100 * (TOP + py)) / OUTER[1]}%`;
    start.setAttribute("aria-label", `Start at x ${short(x)}, y ${short(y)}: the arrow keys move it, with Shift further`);

    const floor = Math.min(...lowest.map((point) => loss(...point)));
    const logs = points.map((point) => Math.log10(Math.max(loss(...point) - floor, 1e-8)));
    const low = Math.floor(Math.min(...logs)), high = Math.max(Math.ceil(Math.max(...logs)), low + 1);
    const place = (value, step) => [CURVE.left + (CURVE.width * step) / steps,
      CURVE.top + (CURVE.height * (high - value)) / (high - low)];
    curve.setAttribute("points", logs.slice(0, last + 1).map((v, k) => place(v, k).map((p) => p.toFixed(1)).join(" ")).join(" "));
    const [mx, my] = place(logs[last], last);
    mark.setAttribute("cx", mx);
    mark.setAttribute("cy", my);
    const under = CURVE.top + CURVE.height;
    scale.replaceChildren(
      h("text", { x: CURVE.left, y: 13 }, "loss above the lowest"),
      h("text", { x: CURVE.left - 5, y: CURVE.top + 10, "text-anchor": "end" }, power(high)),
      h("text", { x: CURVE.left - 5, y: under, "text-anchor": "end" }, power(low)),
      h("text", { x: CURVE.left, y: under + 15, "text-anchor": "middle" }, "0"),
      h("text", { x: CURVE.left + CURVE.width, y: under + 15, "text-anchor": "end" }, `step ${steps}`));
    until.max = points.length - 1;
    until.value = last;
    count.textContent = `step ${last}`;
    said.textContent = summary(last);
    play.textContent = player ? "Pause" : lessMotion() ? "Next step" : "Play";
  }

  /** What the path does, in words. */
  function summary(last) {
    const { surface, steps } = settings();
    const { loss, view } = SURFACES[surface];
    const [x, y] = points[last];
    const at = `Loss ${short(loss(x, y))} at x = ${short(x)}, y = ${short(y)}.`;
    const left = leftAt(view, points, steps);
    if (left === null) return at;
    return points.length > steps ? `${at} From step ${left} on the path is outside the picture.`
      : `${at} The path diverges: it leaves the picture at step ${left}; step ${points.length} is beyond a million.`;
  }

  function draw() {
    const { surface, rule, rate } = settings();
    controls.surface.value = surface;
    controls.rule.value = rule;
    for (const [key, input] of Object.entries(numbers)) {
      if (!input.matches(":focus")) input.value = model.get(key);
    }
    for (const [key, input] of Object.entries(sliders)) {
      if (!input.matches(":active")) input.value = key === "rate" ? Math.log10(rate) : model.get(key);
      input.setAttribute("aria-valuetext", model.get(key));
    }
    sliders.momentum.disabled = numbers.momentum.disabled = rule !== "momentum";
    title.textContent = `Contour lines of the ${surface} and the path of ${rule} from the start`;
    code.textContent = codeOf(settings());
    points = descend(settings());
    drawSurface();
    drawPath();
    judge();
  }

  /** Take new settings from this view: draw at once, ask Python when they rest. */
  function change(values) {
    pause();
    shown = null;
    problem.textContent = "";
    own = true;
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    own = false;
    draw();
    askWhenResting();
  }

  /** What is typed in a number field: taken, or refused with the reason; the old value stays then. */
  function take(key, input) {
    const [left, right, bottom, top] = SURFACES[model.get("surface")].view;
    const { name, low, high } = FIELDS[key]
      ?? { x: { name: "start x", low: left, high: right }, y: { name: "start y", low: bottom, high: top } }[key];
    const value = Number(input.value);
    if (input.value !== "" && value >= low && value <= high && (key !== "steps" || Number.isInteger(value))) {
      return change({ [key]: value });
    }
    const kind = key === "steps" ? "a whole number" : "a number";
    problem.textContent = `${name} is ${kind} from ${low} to ${high}: got ${input.value || "none"}. It stays ${model.get(key)}.`;
    input.value = model.get(key);
  }

  // PyTorch
  function ask() {
    if (asking) return; // one question at a time: answered() asks again
    asking = !same(settings(), model.get("replayed").asked);
    model.set("asked", settings());
    model.save_changes();
    judge();
    waiting = setTimeout(() => {
      asking = false;
      judge();
    }, PATIENCE);
  }
  const askWhenResting = whenResting(ask);

  function answered() {
    asking = false;
    clearTimeout(waiting);
    judge();
    if (!same(settings(), model.get("replayed").asked)) askWhenResting();
    else spoken.textContent = `${summary(points.length - 1)} ${badge.textContent}`;
  }

  function judge() {
    const { asked, path: theirs, error } = model.get("replayed");
    badge.dataset.state = "";
    if (!same(asked, settings())) badge.textContent = asking ? "asking PyTorch …" : "PyTorch not asked";
    else if (error) {
      badge.dataset.state = "differ";
      badge.textContent = "PyTorch failed";
      problem.textContent = `Something went wrong in Python: ${error}`;
    } else {
      const { difference, step } = compare(points, theirs);
      badge.dataset.state = difference <= CLOSE ? "agree" : "differ";
      badge.textContent = difference <= CLOSE
        ? `✓ PyTorch agrees (largest difference ${difference === 0 ? "0" : difference.toExponential(0).replace("-", "−")})`
        : `✗ PyTorch differs by ${difference.toExponential(1)} at step ${step}`;
    }
  }

  // The start: pointer and keys
  function moveTo(x, y) {
    const [left, right, bottom, top] = SURFACES[model.get("surface")].view;
    const hold = (value, low, high) => Number(Math.min(high, Math.max(low, value)).toFixed(2));
    change({ x: hold(x, left, right), y: hold(y, bottom, top) });
  }
  function grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    start.focus({ preventScroll: true });
    picture.setPointerCapture(event.pointerId);
    follow(event);
  }
  function drag(event) {
    if (picture.hasPointerCapture(event.pointerId)) follow(event);
  }
  function follow(event) {
    const box = svg.getBoundingClientRect();
    const [left, right, bottom, top] = SURFACES[model.get("surface")].view;
    const across = (((event.clientX - box.left) / box.width) * OUTER[0] - LEFT) / WIDTH;
    const down = (((event.clientY - box.top) / box.height) * OUTER[1] - TOP) / HEIGHT;
    moveTo(left + across * (right - left), top - down * (top - bottom));
  }
  function moveByKey(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const far = event.shiftKey ? 0.5 : 0.05;
    moveTo(model.get("x") + far * by[0], model.get("y") + far * by[1]);
  }

  // Step by step
  function pause() {
    clearInterval(player);
    player = undefined;
  }
  function next() {
    shown = (shown ?? 0) + 1;
    if (shown >= points.length - 1) {
      pause();
      shown = points.length - 1;
    }
    drawPath();
  }
  function toggle() {
    const ended = shown === null || shown >= points.length - 1;
    if (player) pause();
    else {
      if (ended) shown = 0;
      if (lessMotion()) return next();
      player = setInterval(next, Math.max(40, Math.min(300, 6000 / points.length)));
    }
    drawPath();
  }

  const row = (name, ...parts) => [h("span", {}, name), ...parts];
  el.replaceChildren(h("div", { class: "cbh cbh-descent-frame" },
    h("div", { class: "cbh-descent" },
      h("div", { class: "cbh-descent-main" }, picture,
        h("div", {}, "Drag the blue start, or give it the arrow keys; + is a lowest point."), formula),
      h("div", { class: "cbh-descent-side" },
        h("div", { class: "cbh-descent-controls" },
          ...row("surface", controls.surface), ...row("rule", controls.rule),
          ...row("start x, y", numbers.x, numbers.y),
          ...Object.keys(FIELDS).flatMap((key) => row(FIELDS[key].name, sliders[key], numbers[key])),
          play, until, count),
        problem, said, chart, code, h("div", {}, badge))), spoken));
  draw();
  if (!same(settings(), model.get("replayed").asked)) askWhenResting();
  const changes = Object.fromEntries(KEYS.map((key) => [`change:${key}`, () => {
    if (own) return;
    shown = null;
    draw();
    askWhenResting();
  }]));
  const stop = listen(model, { "change:replayed": answered, ...changes });
  return () => {
    stop();
    pause();
    askWhenResting.cancel();
    clearTimeout(waiting);
  };
}

export default { render };
