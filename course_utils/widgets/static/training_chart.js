// The live chart of a training run. Nothing is sent to Python: it is busy training and would not listen.
import { h, liveLine, listen } from "./common.js";

const WIDTH = 300, HEIGHT = 190, LEFT = 46, RIGHT = 8, TOP = 24, BOTTOM = 34;

/** Round steps between 0 or `low` and `high`, about four of them: 1, 2 or 5 times a power of ten. */
export function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
  return { step, values: found };
}

/** One panel: its axes, and the lines in `curves` ([{ name, points: [[x, y]], className, marker }]). */
export function panel(name, epochs, curves, percent) {
  const values = curves.flatMap((curve) => curve.points.map((point) => point[1])).filter(Number.isFinite);
  const low = Math.min(0, ...values);
  const high = percent ? 1 : Math.max(low + 1e-9, ...values.length ? values : [1]);
  const x = (epoch) => LEFT + (epoch / epochs) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const scale = ticks(low, high);
  const digits = Math.max(0, -Math.floor(Math.log10(scale.step) + 1e-9));
  const every = Math.max(1, Math.ceil(epochs / 10));
  const parts = [h("title", {}, `${name} by epoch`), h("text", { x: LEFT, y: 14, class: "cbh-name" }, name)];
  for (const value of scale.values) {
    parts.push(h("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "cbh-rule" }));
    const label = percent ? `${Math.round(value * 100)} %` : value.toFixed(digits);
    parts.push(h("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, label));
  }
  for (let epoch = 0; epoch <= epochs; epoch += every) {
    parts.push(h("text", { x: x(epoch), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, String(epoch)));
  }
  parts.push(h("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"));
  for (const { points, className, marker } of curves) {
    const shown = points.filter((point) => Number.isFinite(point[1])).map(([a, b]) => [x(a), y(b)]);
    parts.push(h("polyline", { class: className, points: shown.map((point) => point.join(",")).join(" ") }));
    for (const [a, b] of marker ? shown : []) {
      parts.push(marker === "square"
        ? h("rect", { class: className, x: a - 3, y: b - 3, width: 6, height: 6 })
        : h("circle", { class: className, cx: a, cy: b, r: 3 }));
    }
  }
  return h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": name },
    parts);
}

/** The Jupyter server that serves this page, or null where the page comes from somewhere else. */
function server() {
  const config = document.getElementById("jupyter-config-data");
  if (!config) return null;
  const { baseUrl, token } = JSON.parse(config.textContent);
  const xsrf = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
  const headers = {};
  if (token) headers.Authorization = `token ${token}`;
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf[1]);
  return (path, method) => window.fetch(`${baseUrl || "/"}api/kernels/${path}`, { method, headers });
}

function render({ model, el }) {
  el.classList.add("cbh", "cbh-training");
  const bar = h("progress", { max: 1, "aria-label": "training progress" });
  const text = h("span", {});
  const spoken = liveLine("cbh-hidden");
  const ask = server();
  const kernel = model.get("kernel_id");
  let reachable = false;
  const stop = h("button", { hidden: true, title: "End after this batch; what was learned is kept", onclick: async () => {
    stop.disabled = true;
    stop.textContent = "Stopping…";
    let answer;
    try {
      answer = await ask(`${kernel}/interrupt`, "POST");
    } catch (error) {
      answer = { ok: false, status: error.message };
    }
    if (!answer.ok) {
      stop.textContent = "Stop";
      stop.disabled = false;
      spoken.textContent = text.textContent = `The server did not take the stop (${answer.status}): use the toolbar's ■`;
    }
  } }, "Stop");
  const panels = h("div", { class: "cbh-row" });
  const legend = h("div", { class: "cbh-row cbh-legend", "aria-hidden": "true" },
    h("span", { class: "cbh-batch" }, "─ each batch"), h("span", { class: "cbh-train" }, "● train"),
    h("span", { class: "cbh-test" }, "■ test"));
  el.append(h("div", { class: "cbh-row" }, bar, text, stop), panels, legend, spoken);

  const showState = () => {
    const running = model.get("running");
    bar.value = model.get("done");
    bar.hidden = !running;
    stop.hidden = !running || !reachable;
    text.textContent = model.get("text");
    if (!running) spoken.textContent = model.get("text");
  };
  const showCurves = () => {
    const epochs = model.get("epochs");
    const whole = model.get("whole_epochs");
    const line = (name, className, marker) => ({
      className, marker, points: (whole[name] || []).map((value, index) => [index + 1, value]),
    });
    const batches = { className: "cbh-batch", points: model.get("batches") };
    panels.replaceChildren(
      panel("loss", epochs, [batches, line("train_loss", "cbh-train", "circle"),
        line("test_loss", "cbh-test", "square")], false),
      panel("accuracy", epochs, [line("train_accuracy", "cbh-train", "circle"),
        line("test_accuracy", "cbh-test", "square")], true),
    );
  };
  showState();
  showCurves();
  if (ask && kernel && model.get("running")) {
    ask(kernel, "GET").then((answer) => {
      reachable = answer.ok;
      showState();
    }).catch(() => {}); // no server there: the button stays hidden
  }
  return listen(model, {
    "change:done": showState, "change:text": showState, "change:running": showState,
    "change:batches": showCurves, "change:whole_epochs": showCurves,
  });
}

export default { render };
