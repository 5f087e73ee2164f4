import { h, listen, liveLine, uniqueId, whenResting } from "./common.js";

// The form shows what Python has judged: no answer is known here.

const ASKED = { shape: "output shape", params: "parameters" };
const MARKS = {
  right: "✓ right", follows: "✓ follows", wrong: "✗ wrong", open: "? open", unread: "? unclear", unfinished: "…",
};
const PATIENCE = 5000; // milliseconds until the form says that nobody answers

/** The texts of the fields that hold any, as {name: {shape | params: text}}. */
function typedIn(fields) {
  const typed = {};
  for (const { input, name, what } of fields) {
    if (input.value.trim()) (typed[name] ??= {})[what] = input.value;
  }
  return typed;
}

function render({ model, el }) {
  const lines = model.get("lines");
  const fields = [];
  const below = new Map(); // name -> what is said below its line
  const progress = h("span", { class: "cbh-form-progress" });
  const status = liveLine("cbh-form-status");
  const spoken = liveLine("cbh-hidden");
  let asked = null; // the field that was typed in last: its verdict is spoken
  let waiting;

  const verdictOf = ({ input, name, what }) => {
    const verdict = model.get("verdicts")[name]?.[what];
    return verdict?.text === input.value ? verdict : null;
  };
  const isAnswered = (field) => !field.input.value.trim() || verdictOf(field) !== null;

  function send(editing = "") {
    model.set("typed", typedIn(fields));
    model.set("editing", editing);
    model.save_changes();
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!fields.every(isAnswered)) {
        status.textContent = "Python does not answer, so nothing is checked. Is the kernel running? Run this cell again.";
      }
    }, PATIENCE);
  }
  const sendWhenResting = whenResting(send, 400);
  const sendNow = () => {
    sendWhenResting.cancel();
    send();
  };

  function field(line, what) {
    const id = uniqueId("mark");
    const mark = h("span", { class: "cbh-form-mark", id });
    const input = h("input", {
      type: "text", maxlength: 60, autocomplete: "off", spellcheck: "false", class: `cbh-form-${what}`,
      value: model.get("typed")[line.name]?.[what],
      "aria-label": `${ASKED[what]} of ${line.name}`, "aria-describedby": `${id} ${below.get(line.name).id}`,
      oninput: () => {
        asked = made;
        show();
        sendWhenResting(`${line.name} ${what}`);
      },
      onchange: sendNow,
      onkeydown: (event) => event.key === "Enter" && sendNow(), // JupyterLab's cells keep the change event from coming
    });
    const title = h("span", { class: "cbh-form-title", "aria-hidden": "true" }, ASKED[what]);
    const made = { input, mark, name: line.name, what };
    fields.push(made);
    return h("td", {}, h("div", { class: "cbh-form-field" }, title, input, mark));
  }

  function rows(line) {
    const said = h("div", { class: "cbh-form-said", id: uniqueId("said") });
    below.set(line.name, said);
    const hint = h("div", { class: "cbh-form-hint", id: uniqueId("hint"), hidden: true },
      ...line.hint.map((text) => h("div", {}, text)));
    const button = h("button", {
      type: "button", "aria-expanded": "false", "aria-controls": hint.id, "aria-label": `Hint for ${line.name}`,
      onclick: () => {
        hint.hidden = !hint.hidden;
        button.setAttribute("aria-expanded", String(!hint.hidden));
      },
    }, "Hint");
    const source = line.source && h("div", { class: "cbh-form-source" }, `from ${line.source}`);
    return [
      h("tr", { class: "cbh-form-line" }, h("th", { scope: "row" }, line.name),
        h("td", {}, h("code", {}, line.layer), source || null),
        field(line, "shape"), field(line, "params"), h("td", {}, button)),
      h("tr", {}, h("td", { colspan: 5, class: "cbh-form-below" }, said, hint)),
    ];
  }

  function show() {
    for (const one of fields) {
      const verdict = verdictOf(one);
      one.mark.textContent = MARKS[verdict?.state] ?? "";
      one.mark.dataset.state = verdict?.state ?? "";
      one.input.setAttribute("aria-invalid", String(["wrong", "unread"].includes(verdict?.state)));
    }
    for (const [name, said] of below) {
      const notes = fields.filter((one) => one.name === name && verdictOf(one)?.note);
      said.replaceChildren(...notes.map((one) =>
        h("div", {}, h("strong", {}, `${ASKED[one.what]}: `), verdictOf(one).note)));
    }
    const right = fields.filter((one) => verdictOf(one)?.state === "right").length;
    progress.textContent = right === fields.length ? `✓ All ${right} answers are right.` : `${right} of ${fields.length} right`;
  }

  function judged() {
    show();
    status.textContent = model.get("error") && `Something went wrong in Python: ${model.get("error")}`;
    const verdict = asked && verdictOf(asked);
    if (verdict && verdict.state !== "unfinished") {
      spoken.textContent = `${asked.name}, ${ASKED[asked.what]}: ${verdict.note || verdict.state}. ${progress.textContent}`;
      asked = null;
    }
  }

  /** Another view of the same form was typed in, or Python set the texts. */
  function taken() {
    const typed = model.get("typed");
    for (const { input, name, what } of fields) {
      const text = typed[name]?.[what] ?? "";
      if (input.value !== text && !input.matches(":focus")) input.value = text;
    }
    show();
  }

  const titles = ["step", "layer", "output shape", "parameters"].map((title) => h("th", { scope: "col" }, title));
  const input = h("tr", {}, h("th", { scope: "row" }, "input"), h("td", {}), h("td", { colspan: 3 }, model.get("input")));
  el.replaceChildren(h("div", { class: "cbh cbh-form-frame" },
    h("table", { class: "cbh-form" },
      h("thead", {}, h("tr", {}, ...titles, h("td", {}))), h("tbody", {}, input, ...lines.flatMap(rows))),
    h("div", { class: "cbh-row" }, progress, status), spoken));
  show();
  const stop = listen(model, { "change:verdicts": judged, "change:error": judged, "change:typed": taken });
  return () => {
    stop();
    sendWhenResting.cancel();
    clearTimeout(waiting);
  };
}

export default { render };
