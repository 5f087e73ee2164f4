// What every widget shares: elements, and controls that are named and keep their own keys.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "rect", "circle", "line", "path", "polyline", "polygon", "text", "tspan",
  "title", "desc", "defs", "pattern", "marker", "image"]);
const FOCUSABLE = new Set(["input", "button", "select", "textarea"]);
let count = 0;

/** An id that no other element on the page has. */
export function uniqueId(stem) {
  count += 1;
  return `cbh-${stem}-${count}-${Math.random().toString(36).slice(2, 8)}`;
}

/** Give an element what it takes to be reached by the keyboard inside JupyterLab, which else takes the keys itself. */
export function keepKeys(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  return element;
}

/** Make an element: h("button", { class: "x", onclick: f }, "text", child). Attributes that are null are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  if (FOCUSABLE.has(tag) || "tabindex" in attributes) keepKeys(element);
  return element;
}

/** A native control with its name in front: field("stride", h("input", ...)). `after` follows the control. */
export function field(name, control, after = null) {
  return h("label", { class: "cbh-field" }, h("span", {}, name), control, after);
}

/** A line that screen readers speak when it changes. */
export function liveLine(className = "cbh-live") {
  return h("div", { class: className, role: "status", "aria-live": "polite" });
}

/** Run `action` once the calls have stopped for `milliseconds`; the result has .cancel(). */
export function whenResting(action, milliseconds = 150) {
  let timer;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

/** Listen to several of a model's events, {"change:answer": f, "msg:custom": g}; returns what ends it. */
export function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => {
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
  };
}

/** Whether the reader asked the system for less movement. */
export function lessMotion() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
